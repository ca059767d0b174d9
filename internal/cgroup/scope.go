package cgroup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Bounds of what systemd is asked for: a busy manager may take seconds.
const (
	scopeTime  = 25 * time.Second // for all of startScope
	scopeLeft  = 6 * time.Second  // for the end of a dead supervisor's scope of the same name
	scopeRetry = 10 * time.Millisecond
)

// socketOf is one way to a manager. bus: it is a message bus, which wants a
// greeting, not the manager itself.
type socketOf struct {
	path string
	bus  bool
}

// sockets are the ways to the manager of a user, systemctl's: its own socket
// first, which needs no bus daemon, then the bus.
func sockets(uid int) []socketOf {
	if uid == 0 {
		return []socketOf{{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket", true}}
	}
	dirs := []string{"/run/user/" + strconv.Itoa(uid)} // pam_systemd(8)
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && filepath.Clean(dir) != dirs[0] {
		dirs = append([]string{dir}, dirs...)
	}
	var list []socketOf
	for _, dir := range dirs {
		list = append(list, socketOf{dir + "/systemd/private", false}, socketOf{dir + "/bus", true})
	}
	return list
}

func connect(ctx context.Context) (conn *sd.Conn, err error) {
	for _, s := range sockets(os.Geteuid()) {
		if e := permitted(s.path); e != nil {
			continue
		}
		conn, e := sd.NewConnection(func() (*dbus.Conn, error) { return s.dial(ctx) })
		if e == nil {
			return conn, nil
		}
		if err == nil {
			err = fmt.Errorf("%s: %w", s.path, e)
		}
	}
	if err == nil {
		err = errors.New("its socket is gone")
	}
	return nil, err
}

func (s socketOf) dial(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.Dial("unix:path="+dbus.EscapeBusAddressValue(s.path), dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	if err == nil && s.bus {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// startScope starts a scope that is delegated to this user, with its member in it,
// and gives its folder. This process joins it if it may not clone into the scope
// from where it is.
func startScope(r ScopeRequest) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scopeTime)
	defer cancel()
	folder, err := startScopeIn(ctx, r)
	var busy *BusyError
	if err == nil || errors.As(err, &busy) {
		return folder, err
	}
	return "", &UnsupportedError{Why: fmt.Sprintf("systemd starts no scope %s for uid %d: %v; see: systemctl%s status", r.Name, os.Geteuid(), err, userFlag())}
}

func userFlag() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return " --user"
}

func startScopeIn(ctx context.Context, r ScopeRequest) (string, error) {
	conn, err := connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := r.Expect(r.Name); err != nil {
		return "", err
	}
	if err := startUnit(ctx, conn, r.Name, r.Member); err != nil {
		if answered(err) {
			_ = r.Expect("")
		}
		return "", err
	}
	folder, err := folderOf(strconv.Itoa(r.Member))
	if errors.Is(err, fs.ErrNotExist) || err == nil && filepath.Base(folder) != r.Name {
		_, _ = conn.StopUnitContext(ctx, r.Name, "replace", nil) // see ScopeRequest
		err = fmt.Errorf("process %d, which was to be in it, has ended", r.Member)
	}
	if err != nil {
		return "", err
	}
	own, err := folderOf("self")
	if err != nil || mayMove(own, folder) {
		return folder, err
	}
	return folder, conn.AttachProcessesToUnit(ctx, r.Name, "", []uint32{uint32(os.Getpid())})
}

// mayMove says whether this user may move a process from one cgroup to a lower
// one that is his: he has to have the nearest one that both are in (cgroup-v2.rst,
// Delegation Containment).
func mayMove(from, to string) bool {
	for common := from; ; common = filepath.Dir(common) {
		if to == common || strings.HasPrefix(to, common+"/") || len(common) <= len(mount) {
			return writable(common+"/cgroup.procs") == nil
		}
	}
}

// startUnit starts the scope; a dead supervisor's of the same name goes first.
func startUnit(ctx context.Context, conn *sd.Conn, name string, member int) error {
	properties := []sd.Property{
		sd.PropDescription("Containers of lanyard, process " + strconv.Itoa(os.Getpid())),
		sd.PropPids(uint32(member)),
		property("Delegate", true),
		property("CollectMode", "inactive-or-failed"),
		// A container's want of memory is no reason to end all of them. Last,
		// because systemd before 253 does not know it.
		property("OOMPolicy", "continue"),
	}
	if os.Geteuid() != 0 {
		properties = append([]sd.Property{sd.PropSlice("app.slice")}, properties...)
	}
	for end := time.Now().Add(scopeLeft); ; time.Sleep(scopeRetry) {
		result := make(chan string, 1)
		_, err := conn.StartTransientUnitContext(ctx, name, "fail", properties, result)
		switch {
		case err == nil:
			return await(ctx, result)
		case isError(err, "org.freedesktop.DBus.Error.PropertyReadOnly") && properties[len(properties)-1].Name == "OOMPolicy":
			properties = properties[:len(properties)-1]
			continue
		case !isError(err, "org.freedesktop.systemd1.UnitExists") || time.Now().After(end):
			return err
		}
		if err := vacate(ctx, conn, name); err != nil {
			return err
		}
	}
}

func property(name string, value any) sd.Property {
	return sd.Property{Name: name, Value: dbus.MakeVariant(value)}
}

func isError(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// jobError is how a job ended that is not done.
type jobError string

func (e jobError) Error() string { return "its start is " + string(e) }

// answered says whether an error is systemd's, or what another scope of the name
// says: then none of ours comes any more.
func answered(err error) bool {
	var reply dbus.Error
	var how jobError
	var busy *BusyError
	return errors.As(err, &reply) || errors.As(err, &how) || errors.As(err, &busy)
}

func await(ctx context.Context, result <-chan string) error {
	select {
	case how := <-result:
		if how != "done" {
			return jobError(how)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// vacate kills what is in a scope whose supervisor is dead, and has systemd remove
// it, also one that is empty without systemd's knowing. A *BusyError if the
// supervisor lives.
func vacate(ctx context.Context, conn *sd.Conn, name string) error {
	path, err := conn.GetUnitTypePropertyContext(ctx, name, "Scope", "ControlGroup")
	if err != nil {
		return nil // it has just gone
	}
	if path, ok := path.Value.Value().(string); ok && path != "" {
		members := map[int]bool{}
		addMembers(members, filepath.Join(mount, path))
		pid := supervisorOf(members)
		if pid == 0 {
			pid = supervisorIn(filepath.Join(mount, path, Leaf))
		}
		if pid != 0 {
			return &BusyError{PID: pid, Name: name}
		}
	}
	_ = conn.KillUnitWithTarget(ctx, name, sd.All, int32(syscall.SIGKILL))
	_, _ = conn.StopUnitContext(ctx, name, "replace", nil)
	return nil
}

// supervisorIn gives a live supervisor that has moved into its scope's leaf.
func supervisorIn(leaf string) int {
	pids, _ := pidsIn(leaf)
	for _, pid := range pids {
		if name, _ := parentOf(pid); slices.Contains(supervisors, name) {
			return pid
		}
	}
	return 0
}

// unitNameMax is the length of a unit's name, in bytes (systemd.unit(5)).
const unitNameMax = 255

// ScopeName makes the name of a scope of any text, as systemd-escape(1) does but
// for the dash, which means a folder only in names of paths; one that gets too
// long is a hash.
func ScopeName(prefix, text string) string {
	const end = ".scope"
	var b strings.Builder
	b.WriteString(prefix)
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == ':', c == '_', c == '.', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	if b.Len()+len(end) > unitNameMax {
		sum := sha256.Sum256([]byte(text))
		return prefix + hex.EncodeToString(sum[:]) + end
	}
	return b.String() + end
}
