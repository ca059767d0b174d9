package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// MaxLayers is how many Layers a root may have: overlayfs takes 500 folders (Linux
// fs/overlayfs, OVL_MAX_STACK), and the skeleton is one of them.
const MaxLayers = 499

// Where the two mounts of layers are attached, in the skeleton's tmpfs.
const (
	namesAt = "lower" // the layers alone, to look names up in; or a folder that is a root
	rootAt  = "root"
)

// The options of an overlay have the layers' names relative to the working
// directory, which is the skeleton's tmpfs, so that no path of the user's has to
// be escaped and 499 names fit into the page that mount(2) takes; fsconfig(2)
// takes 255 bytes.

// openLayers links the layers to their names and mounts them, without the
// skeleton that is still to be made: only the kernel knows which names whiteouts
// and opaque folders leave. That can't be a layer of the root later: overlays
// on overlays are at most two.
func (b *builder) openLayers() *linux.StepError {
	for i, path := range b.spec.Layers {
		if err := linux.Symlinkat(path, b.base, strconv.Itoa(i)); err != nil {
			return linux.Fail("link layer", path, err)
		}
	}
	names := ""
	if b.spec.Upper != "" {
		for _, f := range upperFolders {
			if err := linux.Symlinkat(b.spec.Upper+f.folder, b.base, f.name); err != nil {
				return linux.Fail("link upper layer", b.spec.Upper, err)
			}
		}
		names = "upper:"
	}
	names += b.layerNames()
	if names == "0" { // two at least, unless one can be written to
		names += ":skel"
	}
	var e *linux.StepError
	b.lower, e = b.mountLayers(namesAt, names, false)
	return e
}

// upperFolders are the folders in Spec.Upper, and their names in the skeleton's
// tmpfs.
var upperFolders = [...]struct{ name, folder string }{{"upper", "/fs"}, {"work", "/work"}}

// layerNames are the names of what lies below the skeleton, the top first.
func (b *builder) layerNames() string {
	if len(b.spec.Layers) == 0 {
		return namesAt
	}
	names := "0"
	for i := 1; i < len(b.spec.Layers); i++ {
		names += ":" + strconv.Itoa(i)
	}
	return names
}

// mountLayers lays folders over each other, by the kernel or else by
// fuse-overlayfs, and gives an O_PATH descriptor of their root.
func (b *builder) mountLayers(at, names string, writable bool) (int, *linux.StepError) {
	layers := "lowerdir=" + names
	flags, attrs := uintptr(syscall.MS_NODEV), nodev
	if writable {
		layers += ",upperdir=upper,workdir=work"
	} else {
		flags, attrs = flags|syscall.MS_RDONLY, attrs|rdonly
	}
	err := syscall.Mount("overlay", at, "overlay", flags, layers+b.overlayOptions(writable))
	if err != nil {
		if e := b.findLayers(); e != nil {
			return -1, e
		}
		e := overlayError(b.spec.where(), err)
		// What fuse-overlayfs leaves in an upper layer is not the kernel's format.
		if !b.spec.UserNS || b.spec.Upper != "" {
			return -1, e
		}
		return b.mountFuse(e, at, attrs, layers)
	}
	return b.openMount(at)
}

// openMount opens the root of what is mounted in the skeleton's tmpfs.
func (b *builder) openMount(at string) (int, *linux.StepError) {
	root, err := linux.OpenPlain(b.base, at, linux.O_PATH|syscall.O_DIRECTORY)
	if err != nil {
		return -1, linux.Fail("open", "the new root", err)
	}
	return root, nil
}

// overlayOptions are those that only the kernel's overlay has. Layers hold whole
// files under their own names, so that they can be shared and combined; what
// claims anything else, in an image of somebody's, is not followed.
func (b *builder) overlayOptions(writable bool) string {
	options := ""
	if writable && b.spec.Upper == "" {
		options += ",volatile"
	}
	if len(b.spec.Layers) > 0 {
		options += ",redirect_dir=nofollow,metacopy=off,index=off"
	}
	if b.spec.UserNS {
		options += ",userxattr"
	}
	return options
}

// findLayers looks for a folder that can't be opened: the kernel does not say
// which of them it is that it can't use.
func (b *builder) findLayers() *linux.StepError {
	folders := append([]string{}, b.spec.Layers...)
	if b.spec.Upper != "" {
		for _, f := range upperFolders {
			folders = append(folders, b.spec.Upper+f.folder)
		}
	}
	for _, path := range folders {
		fd, err := syscall.Open(path, linux.O_PATH|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return linux.Fail("open the layer", path, err)
		}
		syscall.Close(fd)
	}
	return nil
}

func overlayError(path string, err error) *linux.StepError {
	e := linux.Fail("mount an overlay over the rootfs", path, err)
	if o := OverlayRefused(e.Errno); o != nil {
		e.Detail = o.Error()
	}
	return e
}

// where names a Dir in messages.
func (s *Spec) where() string {
	if len(s.Layers) > 0 {
		return s.Layers[0]
	}
	return s.Path
}
