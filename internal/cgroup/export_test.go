package cgroup

// BaseAt is a base that a test chooses.
func BaseAt(folder string) *Base { return &Base{folder} }

// MayMove is mayMove.
var MayMove = mayMove
