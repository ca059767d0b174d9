// A body-less function that is bound by go:linkname needs an assembly file in its package.
