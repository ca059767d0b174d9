package stage

import "github.com/lanyard-dev/lanyard/internal/rootfs"

// Spec is everything the stage needs: the root, and the command in it. It is
// resolved: names, defaults and users have been looked up by the parent. The
// command's umask is always 0022.
type Spec struct {
	Root rootfs.Spec

	Argv    []string // not empty; Argv[0] without a slash is looked up in Path
	Env     []string // NAME=VALUE
	Path    []string // folders to look the command up in
	WorkDir string   // absolute path inside the container
	// Hostname is the container's own, at most 64 bytes (sethostname(2)); "" keeps the host's.
	Hostname string

	UID, GID   uint32
	SetGroups  bool     // set the supplementary groups; denied where only the caller's group is mapped
	Groups     []uint32 // supplementary groups
	Caps       uint64   // capabilities to keep: bounding set, and effective for root
	NoNewPrivs bool
	Filter     string // of system calls, see linux.Process.Filter; "" for none
	Scoped     bool   // no abstract sockets of other containers or the host, where the kernel can
	OwnKeyring bool   // a session keyring of its own: the filter may allow keyctl(2)
	OwnStdio   bool   // the command's user gets descriptors 1 and 2, which are pipes of the parent's
	Become     bool   // the ids of the user namespace were mapped from outside: become root there first
	NoFile     uint64 // RLIMIT_NOFILE, soft and hard; 0 keeps the caller's
	Ignore     uint64 // signals that stay ignored: bit n-1 for signal n

	CgroupNS bool // a cgroup namespace of its own

	// Session: the parent clones the stage into a session of its own, so the
	// command has no controlling terminal. Otherwise it stays in the caller's.
	Session    bool
	Siblings   bool // a child of a large group, whose end waits for its siblings' signals
	TTY        int  // descriptor 0, 1 or 2 that is the caller's terminal; -1 for none
	Foreground bool // the command's group gets the terminal's foreground
	JobControl bool // report stops of the command
}
