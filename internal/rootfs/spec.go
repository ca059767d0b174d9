package rootfs

// Kind says where a root comes from.
type Kind uint8

// The kinds of root.
const (
	Dir  Kind = iota // a directory
	Host             // this machine's own top-level folders
)

// Spec is a container's root with everything mounted into it.
type Spec struct {
	Kind Kind
	Path string // Dir: absolute path of the directory on the host
	// Layers is a Dir instead of Path: absolute host paths of what overlayfs takes
	// as lower directories, the top one first, MaxLayers at most. Whiteouts are
	// character devices 0/0; opaque folders have trusted.overlay.opaque=y, in a
	// user namespace user.overlay.opaque=y (mount option userxattr).
	Layers []string
	// Upper is the absolute host path of a folder that holds the folders "fs" and
	// "work", on one filesystem, new or used before: Layers can be written to, and
	// what is written stays in "fs", in the same format as they are. Nothing of
	// ours gets in there. Mode and owner of "fs" are those of the root's "/".
	// Only one container at a time may have it. The kernel has to do it: there is
	// no fallback to fuse-overlayfs. Not Transient.
	Upper string
	// InPlace: Path itself can be written to, without an overlay. Mount points
	// that it lacks are made in it, and stay; Files cover its own. Not Transient.
	InPlace   bool
	Transient bool // writes go to a private layer that is thrown away; else the root is read-only
	UserNS    bool // built in a user namespace: no mknod, no sysfs, locked mounts
	// FuseOverlay is the absolute host path of fuse-overlayfs(1), which serves a
	// Dir where the kernel refuses to in a user namespace; "" if there is none.
	FuseOverlay string
	// LayerSize bounds what fuse-overlayfs keeps for a Transient one, in bytes; 0
	// is a tmpfs's default, half of the memory.
	LayerSize uint64
	Project   string  // absolute host path that is seen as /work; "" for none
	Mounts    []Mount // parents before children; /tmp and /run among them
	Files     []File  // small files of ours
	Console   int     // descriptor of the terminal that /dev/console is; -1 for none
	// Nesting: containers may be made in the container. The kernel lets a user
	// namespace mount a proc only where all of another one is in sight; so there is
	// one more, read-only and in a place of its own.
	Nesting bool
	// ConsoleNull: without a Console, /dev/console is /dev/null's node, bound there.
	ConsoleNull bool
}

// MountKind says what a Mount mounts.
type MountKind uint8

// The kinds of mount.
const (
	Tmpfs    MountKind = iota // a new tmpfs, with Dirs and Files in it
	Bind                      // Source of the host, with everything mounted below it
	Copy                      // a new tmpfs that starts as a copy of a folder of Source's root
	HostTree                  // this machine's own top-level folders, read-only
)

// Mount is one mount of a container, besides the fixed ones.
type Mount struct {
	Kind   MountKind
	Target string // absolute path inside the container
	Source string // Bind: absolute host path. Copy: the root to copy Target of; "" is the container's own
	// Layers, for Bind and Copy, are a root of layers instead of Source, see
	// Spec.Layers; a Bind of it is read-only.
	Layers   []string
	Inside   string // Bind: path below Source that must not lead out of it; "" is Source itself
	ReadOnly bool
	NoExec   bool   // Tmpfs: nothing in it can be executed
	Size     uint64 // Tmpfs, Copy: bytes; 0 is the kernel's default, half of the memory; or Unlimited
	Mode     uint32 // Tmpfs: permission bits of its root
	UID, GID int64  // Copy: owner of its root; -1 keeps the original's
	Dirs     []Entry
	Files    []Entry
}

// Unlimited is the Size of a tmpfs that only memory bounds, in a user namespace
// too: size=0 of tmpfs(5).
const Unlimited = ^uint64(0)

// Entry is a directory or file made in a new tmpfs.
type Entry struct {
	Path    string // relative
	Mode    uint32
	Content string
}

// File is a file of ours that stands where the root's own names resolve.
type File struct {
	Target  string // absolute path inside the container
	Content string
}
