package rootfs

// Masked gives the paths that are covered in every container, as runtime-spec's
// maskedPaths.
func Masked() []string { return append(append([]string{}, masked[:]...), maskedSys[:]...) }

// ReadOnly gives the paths that can't be written in any container, as
// runtime-spec's readonlyPaths.
func ReadOnly() []string { return append([]string{}, readonly[:]...) }
