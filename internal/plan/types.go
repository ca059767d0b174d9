package plan

import "time"

// Pos is a place in a file. Line and Column count from 1; the zero Pos means
// "not from a file".
type Pos struct {
	File   string
	Line   int
	Column int
}

// Plan is one project file, checked. It is not changed after Load.
type Plan struct {
	File       string                // absolute path of the project file
	Root       string                // absolute path of its folder, /work in every container
	Containers map[string]*Container // by name
	Commands   []*Command            // in the order of the file
	// Unsupported holds the known words at top level that this version can't
	// do. They are an error only when something that needs them runs.
	Unsupported []Word
}

// Word is a key of vagga's (or a planned key of ours) that is known but does
// not work yet.
type Word struct {
	Pos  Pos
	Name string // as written
	Hint string // what to write instead; may be empty
}

// Container says where a container's root comes from and what every command
// in it gets. Exactly one of RootFS, Host, Image and Setup is set, unless
// Unsupported explains why none is.
type Container struct {
	Pos      Pos
	Name     string
	RootFS   string // directory; absolute or relative to Plan.Root
	Host     bool   // the machine's own system, read-only
	Image    string // NAME[:TAG][@DIGEST], oci:PATH[:TAG] or docker-archive:PATH[:REF], as written; PATH may be relative to Plan.Root
	ImagePos Pos
	// Setup are the steps of a recipe. Those of vagga that don't work here are
	// in Unsupported instead, so it is whole only if that is empty.
	Setup        []Step
	DefaultShell []string
	Environ      []EnvVar
	EnvironFile  string // path inside the container; "" for none
	Volumes      []Volume
	UIDs, GIDs   []IDRange // that have to be there inside; nil when not written: 0-65535, as far as the caller has so many
	WriteMode    WriteMode // "" when not written: read-only
	Limits       Limits
	LimitsMode   LimitsMode // "" when not written
	Security     Security
	Unsupported  []Word
}

// EnvVar is one variable of an environ mapping, in the order of the file.
type EnvVar struct{ Name, Value string }

// WriteMode says what happens to writes into a container's root.
type WriteMode string

// The write modes. transient-hard-link-copy of vagga means transient.
const (
	ReadOnly  WriteMode = "read-only"
	Transient WriteMode = "transient"
)

// LimitsMode says what happens where the host can't enforce a limit.
type LimitsMode string

// The limits modes: an error (the default), or a warning.
const (
	Strict     LimitsMode = "strict"
	BestEffort LimitsMode = "best-effort"
)

// Limits are resource limits; a nil field is not limited.
type Limits struct {
	Memory *int64   // bytes, at least 1 MiB
	Swap   *int64   // bytes on top of Memory, 0 = none
	CPUs   *float64 // CPUs, fractions allowed, above 0
	Pids   *int64   // processes and threads, at least 1
	NoFile *uint64  // open files, soft and hard limit, at least 3
	// IOWeight is the share of the disks beside other cgroups, 1 to 10000; one
	// that has none counts as 100.
	IOWeight *uint64
	Pos      Pos // of the limits mapping; zero when there is none
}

// Command is one entry of commands: a single process or a group.
type Command struct {
	Pos         Pos
	Name        string
	Aliases     []string
	Group       string // heading in the list of commands
	Description string
	Banner      string
	BannerDelay time.Duration
	Epilog      string
	Supervise   bool // !Supervise (Mode, KillAfter, Children count) or !Command (Children has one element)
	Mode        Mode
	KillAfter   time.Duration // kill-unresponsive-after
	Children    []*Process    // in the order of the file, never empty
	Unsupported []Word
}

// Mode is a failure rule of a group.
type Mode string

// The modes of a group.
const (
	StopOnFailure     Mode = "stop-on-failure"
	WaitAllSuccessful Mode = "wait-all-successful"
)

// Process is one process to run: a !Command, alone or as a child of a group.
type Process struct {
	Pos               Pos
	Name              string // of the child, or of the command itself
	Description       string
	Tags              []string
	Container         string // name; exists in Plan.Containers
	ContainerPos      Pos
	Shell             bool     // Run has one element, a line for the container's default shell
	Run               []string // empty where it was not written: what the container's image runs by itself, see Plan.Imaged
	RunPos            Pos
	AcceptsArguments  bool
	WorkDir           string // "" when not written; relative to the project root, or absolute inside the container
	Environ           []EnvVar
	Volumes           []Volume // on top of the container's, target by target
	WriteMode         WriteMode
	UserID            *uint32
	ExternalUserID    *uint32 // what UserID is outside, in a user namespace
	GroupID           *uint32
	SupplementaryGIDs []uint32
	Limits            Limits
	LimitsMode        LimitsMode
	Security          Security
	Unsupported       []Word
}

// VolumeKind is the tag of a volume, without its "!".
type VolumeKind string

// The volumes of vagga that Lanyard has.
const (
	Tmpfs       VolumeKind = "Tmpfs"
	BindRW      VolumeKind = "BindRW"
	BindRO      VolumeKind = "BindRO"
	Empty       VolumeKind = "Empty"
	Persistent  VolumeKind = "Persistent"
	Snapshot    VolumeKind = "Snapshot"
	ContainerFS VolumeKind = "Container"
	CacheDir    VolumeKind = "CacheDir"
)

// Volume is something mounted into a container.
type Volume struct {
	Pos    Pos
	Target string // absolute, clean path inside the container
	Kind   VolumeKind

	Source string // BindRW, BindRO: "/work", "/work/…" or "/volumes/NAME[/…]", clean

	Size  int64       // Tmpfs, Snapshot: bytes, default 100 MiB
	Mode  uint32      // Tmpfs: permission bits, default 01777
	Dirs  []TmpfsDir  // Tmpfs: subdirs, parents first
	Files []TmpfsFile // Tmpfs: files, in the order of the file

	Name        string // Persistent: name of the volume; CacheDir: name of the cache, shared by all projects
	InitCommand string // Persistent: command that fills it; "" for none
	From        string // Snapshot: container: to copy from, "" for its own; Container: the container
	OwnerUID    *uint32
	OwnerGID    *uint32
}

// TmpfsDir is a directory made inside a !Tmpfs.
type TmpfsDir struct {
	Path string // relative, clean
	Mode uint32
}

// TmpfsFile is a file made inside a !Tmpfs.
type TmpfsFile struct {
	Path    string // relative, clean
	Content string
}
