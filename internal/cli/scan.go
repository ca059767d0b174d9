package cli

import (
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// usageError is what is wrong with the words of a command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error {
	return usageError(fmt.Sprintf(format, args...))
}

// given is an option as it was written.
type given struct {
	option *option
	values []string // one, or all words of a list; none for a switch
}

// scanned is the result of scan.
type scanned struct {
	given []given
	rest  []string // from the first word that belongs to no option
	ended bool     // "--" stands before rest
	open  *option  // the option that one more word would belong to, if there is no rest
}

// scan reads options of known up to the first word that belongs to none. The
// last option may lack its value, which check reports, so that completion can
// offer one.
func scan(known []*option, args []string) (scanned, error) {
	var s scanned
	for i, word := range args {
		switch {
		case word == "--" && !s.needsValue():
			s.rest, s.ended, s.open = args[i+1:], true, nil
			return s, nil
		case s.open != nil && (s.needsValue() || !isOption(word)):
			last := &s.given[len(s.given)-1]
			last.values = append(last.values, word)
			if !s.open.list {
				s.open = nil
			}
		case !isOption(word):
			s.rest, s.open = args[i:], nil
			return s, nil
		default:
			if err := s.begin(known, word); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// needsValue says whether the next word is a value whatever it looks like.
func (s *scanned) needsValue() bool { return s.open != nil && !s.open.list }

// begin reads a word that begins with a dash.
func (s *scanned) begin(known []*option, word string) error {
	name, value, attached := strings.Cut(word, "=")
	if !strings.HasPrefix(word, "--") && len(word) > 2 {
		name, value, attached = word[:2], strings.TrimPrefix(word[2:], "="), true
	}
	o := byName(known, name)
	switch {
	case o == nil:
		return unknownOption(known, name)
	case o.value == "" && attached:
		return usagef("%s takes no value, but %q gives one", name, word)
	case attached:
		s.given = append(s.given, given{o, []string{value}})
		s.open = nil
	case o.value == "":
		s.given = append(s.given, given{option: o})
		s.open = nil
	default:
		s.given = append(s.given, given{option: o})
		s.open = o
	}
	return nil
}

func unknownOption(known []*option, name string) error {
	switch byName(mainOptions, name) {
	case nil:
	case &optFile, &optVersion:
		return usagef("%s has to stand before the command", name)
	default:
		return usagef("%s is for groups of commands", name)
	}
	if near := plan.Nearest(name, longNames(known)); near != "" {
		return usagef("unknown option %s (did you mean %s?)", name, near)
	}
	return usagef("unknown option %s", name)
}

// check reports an option that lacks its value.
func (s *scanned) check() error {
	for _, g := range s.given {
		switch {
		case len(g.values) > 0 || g.option.value == "":
		case g.option.list:
			return usagef("%s needs at least one name or tag", g.option)
		default:
			return usagef("%s needs a value: %s", g.option, g.option.value)
		}
	}
	return nil
}

// scanAll reads options of known that stand anywhere between words.
func scanAll(known []*option, args []string) (options []given, words []string, err error) {
	for {
		s, err := scan(known, args)
		if err == nil {
			err = s.check()
		}
		options = append(options, s.given...)
		switch {
		case err != nil:
			return options, words, err
		case s.ended:
			return options, append(words, s.rest...), nil
		case len(s.rest) == 0:
			return options, words, nil
		}
		words, args = append(words, s.rest[0]), s.rest[1:]
	}
}
