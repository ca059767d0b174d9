package plan

// Step is one step of a recipe. Which fields count depends on Kind; the others
// are zero. Paths of the container are absolute and clean, those of the
// project relative to Plan.Root and clean, "." being the project itself.
type Step struct {
	Pos  Pos
	Kind StepKind

	Base  string // Container: the container to start from; exists in Plan.Containers
	Image string // Image: as Container.Image

	Release  string   // Debian: code name or suite
	Mirror   string   // Debian: http:// or https://; "" for mmdebstrap's choice
	Variant  string   // Debian: of mmdebstrap, default minbase
	Packages []string // Debian, Install: names as apt-get takes them, none with a dash in front

	Source string // Copy, Depends, Tar without URL: a path of the project
	Target string // Copy, Tar, EnsureDir, Remove: a path of the container

	URL    string // Tar: http:// or https://; "" for a file of the project
	SHA256 string // Tar: 64 lower-case hex digits; never empty with a URL
	Subdir string // Tar: the folder of the archive that is unpacked, relative and clean, "." for all

	OwnerUID, OwnerGID  *uint32 // Copy: nil when not written: 0
	Umask               uint32  // Copy: bits that the copies don't have, default 0002
	PreservePermissions bool    // Copy: permission bits as they are; Umask does not count
	PreserveTimes       bool    // Copy: modification times of files as they are

	Files  []TextFile // Text: in the order of the file
	Env    []EnvVar   // Env: in the order of the file
	Script string     // Sh: for /bin/sh -exc
	Argv   []string   // Cmd: never empty
	Caches []Cache    // CacheDirs: sorted by path
}

// StepKind is the tag of a step, without its "!".
type StepKind string

// The steps of a recipe. The first three say what it starts from, and can only
// be its first step.
const (
	StepContainer StepKind = "Container"
	StepImage     StepKind = "Image"
	StepDebian    StepKind = "Debian"
	StepInstall   StepKind = "Install"
	StepTar       StepKind = "Tar"
	StepCopy      StepKind = "Copy"
	StepText      StepKind = "Text"
	StepEnsureDir StepKind = "EnsureDir"
	StepRemove    StepKind = "Remove"
	StepEnv       StepKind = "Env"
	StepSh        StepKind = "Sh"
	StepCmd       StepKind = "Cmd"
	StepDepends   StepKind = "Depends"
	StepCacheDirs StepKind = "CacheDirs"
)

// TextFile is a file that a !Text writes.
type TextFile struct {
	Path    string // in the container, absolute and clean
	Content string
}

// Cache is a folder that a !CacheDirs shows while the recipe is built.
type Cache struct {
	Path string // in the container, absolute and clean
	Name string // of the cache; the same one as a volume !CacheDir NAME
}

// Base is the name of the container that c's recipe starts from, "" for none.
func (c *Container) Base() string {
	if len(c.Setup) == 0 {
		return ""
	}
	return c.Setup[0].Base
}
