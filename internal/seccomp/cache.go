package seccomp

import "sync"

// cache keeps the programs of Default: a supervisor starts many containers that
// have the same one.
var cache struct {
	sync.Mutex
	programs map[Options]func() (string, error)
}

// Default is Docker's default profile, as a program for linux.Process.Filter. It
// is made once for the same options, and may be called from any goroutine.
func Default(o Options) (string, error) {
	cache.Lock()
	program := cache.programs[o]
	if program == nil {
		program = sync.OnceValues(func() (string, error) { return compileDefault(o) })
		if cache.programs == nil {
			cache.programs = map[Options]func() (string, error){}
		}
		cache.programs[o] = program
	}
	cache.Unlock()
	return program()
}
