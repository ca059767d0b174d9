package linux

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// theirs are our constants, each beside the one of golang.org/x/sys/unix.
var theirs = map[string][2]int64{
	"AT_FDCWD":                            {AT_FDCWD, unix.AT_FDCWD},
	"AT_SYMLINK_NOFOLLOW":                 {AT_SYMLINK_NOFOLLOW, unix.AT_SYMLINK_NOFOLLOW},
	"AT_REMOVEDIR":                        {AT_REMOVEDIR, unix.AT_REMOVEDIR},
	"AT_NO_AUTOMOUNT":                     {AT_NO_AUTOMOUNT, unix.AT_NO_AUTOMOUNT},
	"AT_EMPTY_PATH":                       {AT_EMPTY_PATH, unix.AT_EMPTY_PATH},
	"AT_RECURSIVE":                        {AT_RECURSIVE, unix.AT_RECURSIVE},
	"O_PATH":                              {O_PATH, unix.O_PATH},
	"RESOLVE_NO_XDEV":                     {RESOLVE_NO_XDEV, unix.RESOLVE_NO_XDEV},
	"RESOLVE_NO_MAGICLINKS":               {RESOLVE_NO_MAGICLINKS, unix.RESOLVE_NO_MAGICLINKS},
	"RESOLVE_NO_SYMLINKS":                 {RESOLVE_NO_SYMLINKS, unix.RESOLVE_NO_SYMLINKS},
	"RESOLVE_BENEATH":                     {RESOLVE_BENEATH, unix.RESOLVE_BENEATH},
	"RESOLVE_IN_ROOT":                     {RESOLVE_IN_ROOT, unix.RESOLVE_IN_ROOT},
	"KEYCTL_JOIN_SESSION_KEYRING":         {KEYCTL_JOIN_SESSION_KEYRING, unix.KEYCTL_JOIN_SESSION_KEYRING},
	"CLOSE_RANGE_CLOEXEC":                 {CLOSE_RANGE_CLOEXEC, unix.CLOSE_RANGE_CLOEXEC},
	"POLLIN":                              {POLLIN, unix.POLLIN},
	"POLLRDHUP":                           {POLLRDHUP, unix.POLLRDHUP},
	"FSOPEN_CLOEXEC":                      {FSOPEN_CLOEXEC, unix.FSOPEN_CLOEXEC},
	"FSMOUNT_CLOEXEC":                     {FSMOUNT_CLOEXEC, unix.FSMOUNT_CLOEXEC},
	"FSPICK_CLOEXEC":                      {FSPICK_CLOEXEC, unix.FSPICK_CLOEXEC},
	"FSPICK_EMPTY_PATH":                   {FSPICK_EMPTY_PATH, unix.FSPICK_EMPTY_PATH},
	"FSCONFIG_SET_FLAG":                   {FSCONFIG_SET_FLAG, unix.FSCONFIG_SET_FLAG},
	"FSCONFIG_SET_STRING":                 {FSCONFIG_SET_STRING, unix.FSCONFIG_SET_STRING},
	"FSCONFIG_CMD_CREATE":                 {FSCONFIG_CMD_CREATE, unix.FSCONFIG_CMD_CREATE},
	"FSCONFIG_CMD_RECONFIGURE":            {FSCONFIG_CMD_RECONFIGURE, unix.FSCONFIG_CMD_RECONFIGURE},
	"MOUNT_ATTR_RDONLY":                   {MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_RDONLY},
	"MOUNT_ATTR_NOSUID":                   {MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NOSUID},
	"MOUNT_ATTR_NODEV":                    {MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NODEV},
	"MOUNT_ATTR_NOEXEC":                   {MOUNT_ATTR_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
	"MOUNT_ATTR_IDMAP":                    {MOUNT_ATTR_IDMAP, unix.MOUNT_ATTR_IDMAP},
	"MOVE_MOUNT_F_EMPTY_PATH":             {MOVE_MOUNT_F_EMPTY_PATH, unix.MOVE_MOUNT_F_EMPTY_PATH},
	"MOVE_MOUNT_T_EMPTY_PATH":             {MOVE_MOUNT_T_EMPTY_PATH, unix.MOVE_MOUNT_T_EMPTY_PATH},
	"OPEN_TREE_CLONE":                     {OPEN_TREE_CLONE, unix.OPEN_TREE_CLONE},
	"OPEN_TREE_CLOEXEC":                   {OPEN_TREE_CLOEXEC, unix.OPEN_TREE_CLOEXEC},
	"PR_SET_NO_NEW_PRIVS":                 {PR_SET_NO_NEW_PRIVS, unix.PR_SET_NO_NEW_PRIVS},
	"PR_CAP_AMBIENT":                      {PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT},
	"PR_CAP_AMBIENT_CLEAR_ALL":            {PR_CAP_AMBIENT_CLEAR_ALL, unix.PR_CAP_AMBIENT_CLEAR_ALL},
	"CAP_LAST_CAP":                        {CAP_LAST_CAP, unix.CAP_LAST_CAP},
	"SECCOMP_SET_MODE_FILTER":             {SECCOMP_SET_MODE_FILTER, unix.SECCOMP_SET_MODE_FILTER},
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW":      {SECCOMP_FILTER_FLAG_SPEC_ALLOW, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	"LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET": {LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET},
	"sysLandlockCreateRuleset":            {sysLandlockCreateRuleset, unix.SYS_LANDLOCK_CREATE_RULESET},
	"sysLandlockRestrictSelf":             {sysLandlockRestrictSelf, unix.SYS_LANDLOCK_RESTRICT_SELF},
	"MFD_CLOEXEC":                         {MFD_CLOEXEC, unix.MFD_CLOEXEC},
	"MFD_ALLOW_SEALING":                   {MFD_ALLOW_SEALING, unix.MFD_ALLOW_SEALING},
	"MFD_EXEC":                            {MFD_EXEC, unix.MFD_EXEC},
	"F_ADD_SEALS":                         {F_ADD_SEALS, unix.F_ADD_SEALS},
	"F_SEAL_SEAL":                         {F_SEAL_SEAL, unix.F_SEAL_SEAL},
	"F_SEAL_SHRINK":                       {F_SEAL_SHRINK, unix.F_SEAL_SHRINK},
	"F_SEAL_GROW":                         {F_SEAL_GROW, unix.F_SEAL_GROW},
	"F_SEAL_WRITE":                        {F_SEAL_WRITE, unix.F_SEAL_WRITE},
	"SIG_SETMASK":                         {SIG_SETMASK, unix.SIG_SETMASK},
	"P_ALL":                               {P_ALL, unix.P_ALL},
	"P_PID":                               {P_PID, unix.P_PID},
	"LINUX_CAPABILITY_VERSION_3":          {LINUX_CAPABILITY_VERSION_3, unix.LINUX_CAPABILITY_VERSION_3},
	"sysPidfdSendSignal":                  {sysPidfdSendSignal, unix.SYS_PIDFD_SEND_SIGNAL},
	"sysOpenTree":                         {sysOpenTree, unix.SYS_OPEN_TREE},
	"sysMoveMount":                        {sysMoveMount, unix.SYS_MOVE_MOUNT},
	"sysFsopen":                           {sysFsopen, unix.SYS_FSOPEN},
	"sysFsconfig":                         {sysFsconfig, unix.SYS_FSCONFIG},
	"sysFsmount":                          {sysFsmount, unix.SYS_FSMOUNT},
	"sysFspick":                           {sysFspick, unix.SYS_FSPICK},
	"sysPidfdOpen":                        {sysPidfdOpen, unix.SYS_PIDFD_OPEN},
	"sysClone3":                           {sysClone3, unix.SYS_CLONE3},
	"sysCloseRange":                       {sysCloseRange, unix.SYS_CLOSE_RANGE},
	"sysOpenat2":                          {sysOpenat2, unix.SYS_OPENAT2},
	"sysMountSetattr":                     {sysMountSetattr, unix.SYS_MOUNT_SETATTR},
	"sysFstatat":                          {sysFstatat, fstatatOfUnix},
}

// TestConstants compares every constant of constants.go.
func TestConstants(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "constants.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				if _, ok := theirs[name.Name]; !ok {
					t.Errorf("%s is not compared with golang.org/x/sys/unix: add it to the table", name.Name)
				}
			}
		}
		return true
	})
	for name, c := range theirs {
		if c[0] != c[1] {
			t.Errorf("%s is %#x, but %#x in golang.org/x/sys/unix", name, c[0], c[1])
		}
	}
}

// TestLayouts compares what the kernel reads and writes.
func TestLayouts(t *testing.T) {
	var (
		how    OpenHow
		unHow  unix.OpenHow
		attr   MountAttr
		unAttr unix.MountAttr
		poll   PollFd
		unPoll unix.PollFd
		head   capHeader
		unHead unix.CapUserHeader
		data   capData
		unData unix.CapUserData
		args   cloneArgs
	)
	for name, c := range map[string][2]uintptr{
		"open_how":         {unsafe.Sizeof(how), unsafe.Sizeof(unHow)},
		"open_how.flags":   {unsafe.Offsetof(how.Flags), unsafe.Offsetof(unHow.Flags)},
		"open_how.mode":    {unsafe.Offsetof(how.Mode), unsafe.Offsetof(unHow.Mode)},
		"open_how.resolve": {unsafe.Offsetof(how.Resolve), unsafe.Offsetof(unHow.Resolve)},

		"mount_attr":             {unsafe.Sizeof(attr), unsafe.Sizeof(unAttr)},
		"mount_attr.attr_set":    {unsafe.Offsetof(attr.Set), unsafe.Offsetof(unAttr.Attr_set)},
		"mount_attr.attr_clr":    {unsafe.Offsetof(attr.Clear), unsafe.Offsetof(unAttr.Attr_clr)},
		"mount_attr.propagation": {unsafe.Offsetof(attr.Propagation), unsafe.Offsetof(unAttr.Propagation)},
		"mount_attr.userns_fd":   {unsafe.Offsetof(attr.UserNS), unsafe.Offsetof(unAttr.Userns_fd)},

		"pollfd":         {unsafe.Sizeof(poll), unsafe.Sizeof(unPoll)},
		"pollfd.fd":      {unsafe.Offsetof(poll.Fd), unsafe.Offsetof(unPoll.Fd)},
		"pollfd.events":  {unsafe.Offsetof(poll.Events), unsafe.Offsetof(unPoll.Events)},
		"pollfd.revents": {unsafe.Offsetof(poll.Revents), unsafe.Offsetof(unPoll.Revents)},

		"cap_user_header":         {unsafe.Sizeof(head), unsafe.Sizeof(unHead)},
		"cap_user_header.version": {unsafe.Offsetof(head.version), unsafe.Offsetof(unHead.Version)},
		"cap_user_header.pid":     {unsafe.Offsetof(head.pid), unsafe.Offsetof(unHead.Pid)},
		"cap_user_data":           {unsafe.Sizeof(data), unsafe.Sizeof(unData)},
		"cap_user_data.effective": {unsafe.Offsetof(data.effective), unsafe.Offsetof(unData.Effective)},
		"cap_user_data.permitted": {unsafe.Offsetof(data.permitted), unsafe.Offsetof(unData.Permitted)},

		// It has no struct clone_args; the offsets are those of clone(2).
		"clone_args":             {unsafe.Sizeof(args), unix.CLONE_ARGS_SIZE_VER2},
		"clone_args.flags":       {unsafe.Offsetof(args.flags), 0},
		"clone_args.pidfd":       {unsafe.Offsetof(args.pidfd), 8},
		"clone_args.exit_signal": {unsafe.Offsetof(args.exitSignal), 32},
		"clone_args.cgroup":      {unsafe.Offsetof(args.cgroup), 80},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, want %d", name, c[0], c[1])
		}
	}
}

func TestMkdev(t *testing.T) {
	for _, c := range [][2]uint32{{1, 3}, {5, 0}, {259, 7}, {4095, 255}, {4096, 256}, {1 << 20, 1 << 19}, {^uint32(0), ^uint32(0)}} {
		if got, want := Mkdev(c[0], c[1]), unix.Mkdev(c[0], c[1]); got != want {
			t.Errorf("%d, %d: %#x, want %#x", c[0], c[1], got, want)
		}
	}
}
