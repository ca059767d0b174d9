package seccomp

// readyCaps are container.DefaultCaps, which nearly all containers have.
const readyCaps = 0x800405fb

// ready are the programs that nearly all containers have, as compileDefault makes
// them. Making one at each start would take a twelfth of it (docs/adr/0021).
func ready(o Options) (program string, ok bool) {
	switch {
	case o.Caps != readyCaps:
		return "", false
	case o.Nesting:
		return readyNesting, true
	default:
		return readyPlain, true
	}
}

// Default is Docker's default profile, as a program for linux.Process.Filter.
func Default(o Options) (string, error) {
	if program, ok := ready(o); ok {
		return program, nil
	}
	return compileDefault(o)
}
