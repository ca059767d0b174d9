package stage

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"golang.org/x/sys/unix"
)

// fill gives every field below v a value of its own that is not zero, so that
// a field which the codec forgets or swaps shows.
func fill(t *testing.T, v reflect.Value, next *uint64) {
	t.Helper()
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				t.Fatalf("%s.%s is not exported, so nothing can carry it", v.Type(), v.Type().Field(i).Name)
			}
			fill(t, v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), next)
		}
	case reflect.String:
		v.SetString(strings.Repeat("s", int(*next%7)+1) + "\x00ü")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-int64(*next))
		if *next%2 == 0 {
			v.SetInt(int64(*next) << 20)
		}
	case reflect.Uint8:
		v.SetUint(*next%255 + 1)
	case reflect.Uint32:
		v.SetUint(1<<32 - *next)
	case reflect.Uint64:
		v.SetUint(^uint64(0) - *next)
	default:
		t.Fatalf("a field of kind %s: teach the codec and this test", v.Kind())
	}
}

func TestSpecRoundTrip(t *testing.T) {
	var full Spec
	next := uint64(0)
	fill(t, reflect.ValueOf(&full).Elem(), &next)
	for name, spec := range map[string]*Spec{"every field": &full, "hardly anything": {Argv: []string{"true"}}} {
		data := SpecFrame(spec)
		if data[0] != frameSpec || int(binary.LittleEndian.Uint32(data[1:])) != len(data)-headerSize {
			t.Fatalf("%s: a bad header: % x", name, data[:headerSize])
		}
		got, err := decodeSpec(data[headerSize:])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, spec) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", name, got, spec)
		}
	}
}

// TestEachFieldIsCarried changes one field at a time: what the codec drops
// gives the same bytes.
func TestEachFieldIsCarried(t *testing.T) {
	var full Spec
	next := uint64(0)
	fill(t, reflect.ValueOf(&full).Elem(), &next)
	whole := SpecFrame(&full)
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		case reflect.Slice:
			walk(name+"[0]", v.Index(0))
		}
		old := reflect.ValueOf(v.Interface())
		v.SetZero()
		if bytes.Equal(SpecFrame(&full), whole) {
			t.Errorf("%s is not encoded", name)
		}
		v.Set(old)
	}
	walk("Spec", reflect.ValueOf(&full).Elem())
}

func TestDamagedSpec(t *testing.T) {
	var full Spec
	next := uint64(0)
	fill(t, reflect.ValueOf(&full).Elem(), &next)
	payload := SpecFrame(&full)[headerSize:]
	for n := range payload {
		if _, err := decodeSpec(payload[:n]); err == nil {
			t.Errorf("a spec cut at %d of %d bytes is accepted", n, len(payload))
		}
	}
	if _, err := decodeSpec(append(bytes.Clone(payload), 0)); err == nil {
		t.Error("a byte too many is accepted")
	}
	if _, err := decodeSpec(SpecFrame(&Spec{})[headerSize:]); err == nil {
		t.Error("a spec without a command is accepted")
	}
}

func TestDecodeReply(t *testing.T) {
	exited := syscall.WaitStatus(7 << 8)
	killed := syscall.WaitStatus(9)
	stopped := syscall.WaitStatus(19<<8 | 0x7f)
	long := &linux.StepError{Step: strings.Repeat("s", 1<<20), Path: strings.Repeat("p", 1<<20), Detail: strings.Repeat("d", 1<<20)}
	failed := &linux.StepError{Step: "mount", Path: "/x", Errno: 13, Detail: "why"}
	for _, c := range []struct {
		name string
		data []byte
		want Reply
		err  error
	}{
		{"started", frame(frameStarted, nil), Reply{Kind: Started}, nil},
		{"exited", statusFrame(frameExited, exited), Reply{Kind: Exited, Status: exited}, nil},
		{"killed", statusFrame(frameExited, killed), Reply{Kind: Exited, Status: killed}, nil},
		{"stopped", statusFrame(frameStopped, stopped), Reply{Kind: Stopped, Status: stopped}, nil},
		{"failed", failedFrame(failed), Reply{Kind: Failed, Err: failed}, nil},
		{"started with a payload", frame(frameStarted, []byte{1}), Reply{}, ErrProtocol},
		{"exited but stopped", statusFrame(frameExited, stopped), Reply{}, ErrProtocol},
		{"stopped but exited", statusFrame(frameStopped, exited), Reply{}, ErrProtocol},
		{"a short status", frame(frameExited, []byte{1, 2, 3}), Reply{}, ErrProtocol},
		{"damaged failure", frame(frameFailed, []byte{200}), Reply{}, ErrProtocol},
		{"failure with a tail", frame(frameFailed, append(failedFrame(failed)[headerSize:], 0)), Reply{}, ErrProtocol},
		{"unknown", frame('?', nil), Reply{}, ErrProtocol},
		{"the parent's own", frame(frameSignal, []byte{9, 0}), Reply{}, ErrProtocol},
		{"too long", frame(frameFailed, make([]byte, MaxReply+1))[:headerSize], Reply{}, ErrProtocol},
		{"longest length", []byte{frameFailed, 255, 255, 255, 255}, Reply{}, ErrProtocol},
	} {
		got, n, err := DecodeReply(c.data)
		if err != c.err {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
			continue
		}
		if err == nil && (n != len(c.data) || !reflect.DeepEqual(got, c.want)) {
			t.Errorf("%s: %+v of %d bytes, want %+v of %d", c.name, got, n, c.want, len(c.data))
		}
		for cut := range c.data {
			if cut > 64 || c.err != nil {
				break
			}
			if _, n, err := DecodeReply(c.data[:cut]); n != 0 || err != nil {
				t.Errorf("%s cut at %d: n %d, %v", c.name, cut, n, err)
			}
		}
	}
	data := failedFrame(long)
	if got, n, err := DecodeReply(data); err != nil || n != len(data) || len(got.Err.Step) != 16<<10 {
		t.Errorf("a failure with very long texts does not arrive: %d of %d bytes, %v", n, len(data), err)
	}
}

func FuzzDecodeSpec(f *testing.F) {
	f.Add(SpecFrame(&Spec{Argv: []string{"sh", "-c", "true"}, WorkDir: "/work", Groups: []uint32{1}})[headerSize:])
	f.Add(SpecFrame(&Spec{Argv: []string{"redis"}, Hostname: "box", Root: rootfs.Spec{
		Console: -1, ConsoleNull: true, Mounts: []rootfs.Mount{{Target: "/tmp", NoExec: true, Size: rootfs.Unlimited}}}})[headerSize:])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeSpec(data)
		if err != nil {
			return
		}
		again, err := decodeSpec(SpecFrame(s)[headerSize:])
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Errorf("not the same again: %v\n%+v\n%+v", err, s, again)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add(frame(frameStarted, nil))
	f.Add(statusFrame(frameExited, 9))
	f.Add(failedFrame(&linux.StepError{Step: "mount", Path: "/x", Errno: 1, Detail: "d"}))
	f.Add([]byte{frameFailed, 255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, n, err := DecodeReply(data)
		if n < 0 || n > len(data) || n > headerSize+MaxReply {
			t.Fatalf("it takes %d of %d bytes", n, len(data))
		}
		if err == nil && n > 0 && (r.Kind == Failed) != (r.Err != nil) {
			t.Fatalf("a reply of kind %c with error %v", r.Kind, r.Err)
		}
		if err != nil && err != ErrProtocol {
			t.Fatal(err)
		}
	})
}

// TestIntegers holds the coding of integers against encoding/binary.
func TestIntegers(t *testing.T) {
	values := []uint64{0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0)}
	for i := range 64 {
		values = append(values, 1<<i, 1<<i-1, ^uint64(1<<i))
	}
	for _, v := range values {
		data := appendUvarint(nil, v)
		if want := binary.AppendUvarint(nil, v); !bytes.Equal(data, want) {
			t.Errorf("%#x is % x, want % x", v, data, want)
		}
		if got, n := uvarint(data); got != v || n != len(data) {
			t.Errorf("% x is %#x of %d bytes, want %#x", data, got, n, v)
		}
		if got := appendUvarint(nil, zigzag(int64(v))); !bytes.Equal(got, binary.AppendVarint(nil, int64(v))) || unzigzag(zigzag(int64(v))) != int64(v) {
			t.Errorf("%d is % x", int64(v), got)
		}
		bytes8 := binary.LittleEndian.AppendUint64(nil, v)
		for n := range len(bytes8) + 1 {
			if got, want := little(bytes8[:n]), v&(1<<(8*n)-1); got != want {
				t.Errorf("% x is %#x, want %#x", bytes8[:n], got, want)
			}
		}
		if linux.PutUint32(bytes8, uint32(v>>3)); binary.LittleEndian.Uint32(bytes8) != uint32(v>>3) {
			t.Errorf("%#x is % x", uint32(v>>3), bytes8[:4])
		}
	}
	for _, data := range [][]byte{nil, {0x80}, bytes.Repeat([]byte{0xff}, 9), bytes.Repeat([]byte{0xff}, 10),
		append(bytes.Repeat([]byte{0xff}, 9), 2), append(bytes.Repeat([]byte{0x80}, 10), 0), bytes.Repeat([]byte{0x80}, 64)} {
		if v, n := uvarint(data); v != 0 || n != 0 {
			t.Errorf("% x is taken for %#x of %d bytes", data, v, n)
		}
	}
}

// TestChildInfo: what waitid(2) writes has room.
func TestChildInfo(t *testing.T) {
	var ours childInfo
	var theirs unix.Siginfo
	if unsafe.Sizeof(ours) != unsafe.Sizeof(theirs) || unsafe.Offsetof(ours.code) != unsafe.Offsetof(theirs.Code) {
		t.Errorf("%d bytes with the code at %d, want %d and %d", unsafe.Sizeof(ours), unsafe.Offsetof(ours.code), unsafe.Sizeof(theirs), unsafe.Offsetof(theirs.Code))
	}
}

func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		code, status int32
		want         syscall.WaitStatus
	}{
		{cldExited, 3, 3 << 8},
		{2, 9, 9},
		{cldDumped, 11, 11 | 0x80},
		{cldStopped, 20, 20<<8 | 0x7f},
		{cldTrapped, 5, 5<<8 | 0x7f},
	} {
		if got := waitStatus(&childInfo{code: c.code, status: c.status}); got != c.want {
			t.Errorf("code %d status %d: %#x, want %#x", c.code, c.status, got, c.want)
		}
	}
}
