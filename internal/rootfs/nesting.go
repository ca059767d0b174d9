package rootfs

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// wholeProc is where the proc of Spec.Nesting is, in /dev.
const wholeProc = ".proc"

// mountWholeProc binds our proc there without what covers parts of it. What user
// namespaces mount is as read-only as it is.
func (b *builder) mountWholeProc(dev int) *linux.StepError {
	if !b.spec.Nesting {
		return nil
	}
	err := syscall.Mkdirat(dev, wholeProc, 0o555)
	if err == nil {
		var mnt int
		if mnt, err = cloneTree(b.root, "proc", false); err == nil {
			if err = setAttr(mnt, rdonly|nosuid|nodev|noexec, false); err == nil {
				err = attachAt(mnt, dev, wholeProc)
			}
		}
	}
	if err != nil {
		return linux.Fail("mount", "/dev/"+wholeProc, err)
	}
	return nil
}
