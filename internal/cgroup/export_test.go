package cgroup

import "context"

// BaseAt is a base that a test chooses.
func BaseAt(folder string) *Base { return &Base{folder} }

// MayMove is mayMove.
var MayMove = mayMove

// StartUnit starts a scope without a look at what became of it.
func StartUnit(name string, member int) error {
	ctx, cancel := context.WithTimeout(context.Background(), scopeTime)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return startUnit(ctx, conn, name, member)
}
