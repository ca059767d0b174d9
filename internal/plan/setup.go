package plan

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// firstOnly are the steps that say what a recipe starts from, runs those that
// need a program in the container.
var (
	firstOnly = []StepKind{StepContainer, StepImage, StepDebian}
	runs      = []StepKind{StepInstall, StepSh, StepCmd}
)

const firstForms = "!Image, !Debian, !Container or !Tar"

// setup reads the steps of a recipe. Those of vagga that don't work here become
// Words of the container.
func (l *loader) setup(c *Container, n *yaml.Node) {
	before := len(l.problems)
	items := l.list(n, "setup")
	if len(items) == 0 && len(l.problems) == before {
		l.problem(l.at(n), "setup of container %s is empty; begin with %s", quote(c.Name), firstForms)
	}
	filled := false // whether there may be programs by now
	for i, item := range items {
		s := Step{Pos: l.at(item), Kind: StepKind(strings.TrimPrefix(tag(item), "!"))}
		w, known := lookup(string(s.Kind), [][]word{stepWords})
		if known && w.role == works {
			l.inPlace(s, i, filled)
			words := l.step(&s, item)
			c.Setup, c.Unsupported = append(c.Setup, s), append(c.Unsupported, words...)
			filled = filled || slices.Contains(firstOnly, s.Kind) || s.Kind == StepTar || s.Kind == StepCopy
			continue
		}
		filled = true // one mistake is enough
		switch {
		case s.Kind == "":
			l.problem(s.Pos, "step %d of setup has no tag; write one such as !Image, !Install or !Sh before it", i+1)
		case known:
			c.Unsupported = append(c.Unsupported, Word{s.Pos, tag(item), l.insteadOf(w, item)})
		default:
			l.unknown(s.Pos, string(s.Kind), names([][]word{stepWords}), "unknown step %s in setup", quote(tag(item)))
		}
	}
}

// inPlace reports a step that can't stand where it does.
func (l *loader) inPlace(s Step, i int, filled bool) {
	switch {
	case i > 0 && slices.Contains(firstOnly, s.Kind):
		l.problem(s.Pos, "!%s can only be the first step: it is what a container starts from", s.Kind)
	case !filled && slices.Contains(runs, s.Kind):
		l.problem(s.Pos, "!%s has nothing to run in yet; begin with %s", s.Kind, firstForms)
	}
}

// step fills in s from its value.
func (l *loader) step(s *Step, n *yaml.Node) []Word {
	what := "!" + string(s.Kind)
	switch s.Kind {
	case StepContainer:
		if s.Base = l.tagName(n, what); s.Base != "" {
			l.want(aContainer, l.at(n), s.Base)
		}
	case StepImage:
		s.Image = l.imageName(n, what)
	case StepDebian:
		l.debian(s, n)
	case StepInstall:
		s.Packages = l.packages(l.at(n), l.taggedTexts(n, what), what)
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 || isNull(n) {
			l.problem(l.at(n), "!Install names no package; write a list or remove it")
		}
	case StepTar:
		return l.tar(s, n)
	case StepCopy:
		return l.copyStep(s, n)
	case StepDepends:
		return l.depends(s, n)
	case StepText:
		l.textFiles(s, n)
	case StepCacheDirs:
		l.cacheDirs(s, n)
	case StepEnsureDir, StepRemove:
		if text, ok := l.taggedText(n, what); ok {
			s.Target = l.inImage(l.at(n), what, text)
			if s.Target == "/" {
				l.problem(l.at(n), "%s: / is the whole container; name something in it", what)
			}
		}
	case StepEnv:
		entries, _ := l.tagged(n, what, same)
		s.Env = l.variables(entries, what)
	case StepSh:
		if text, ok := l.taggedText(n, what); ok && strings.TrimSpace(text) == "" {
			l.problem(l.at(n), "!Sh is empty; write a script or remove it")
		} else {
			s.Script = text
		}
	case StepCmd:
		before := len(l.problems)
		s.Argv = l.taggedTexts(n, what)
		if len(l.problems) == before && (len(s.Argv) == 0 || s.Argv[0] == "") {
			l.problem(l.at(n), "!Cmd is empty; write the program first")
		}
	}
	return nil
}

// packages checks what a package manager gets as arguments.
func (l *loader) packages(pos Pos, texts []string, what string) []string {
	for _, text := range texts {
		switch {
		case strings.TrimSpace(text) == "":
			l.problem(pos, "%s: the name of a package is empty; remove it", what)
		case text[0] == '-':
			l.problem(pos, "%s: %s is an option and no package; write it with !Sh", what, quote(text))
		case strings.ContainsAny(text, " \t\n\r"):
			l.problem(pos, "%s: %s has spaces; write each package as an item of its own", what, quote(text))
		}
	}
	return texts
}

// variants of mmdebstrap(1) that give a system in which programs run.
var variants = []string{"essential", "apt", "required", "minbase", "buildd", "important", "debootstrap", "standard"}

func (l *loader) debian(s *Step, n *yaml.Node) {
	s.Variant = "minbase"
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		s.Release, _ = l.taggedText(n, "!Debian")
		l.validName(l.at(n), s.Release, "!Debian")
		return
	}
	f, _, ok := l.options(n, "!Debian", debianWords)
	if !ok {
		return
	}
	if v := f.get("release"); v == nil {
		l.problem(s.Pos, "!Debian needs a release; write release: NAME, such as bookworm")
	} else if text, ok := l.filled(v, "release"); ok {
		s.Release = text
		l.validName(l.at(v), text, "release")
	}
	if v := f.get("packages"); v != nil {
		s.Packages = l.packages(l.at(v), l.texts(v, "packages"), "packages")
	}
	if v := f.get("variant"); v != nil {
		s.Variant, _ = l.choice(v, "variant", variants...)
	}
	if v := f.get("mirror"); v != nil {
		text, ok := l.filled(v, "mirror")
		if ok && !isHTTP(text) {
			l.problem(l.at(v), "mirror: %s is not a URL; write http://HOST/debian or https://HOST/debian", quote(text))
		}
		s.Mirror = text
	}
}

// options are the keys of a step that takes a mapping, and those that don't
// work here. ok is false when it is none, which is reported.
func (l *loader) options(n *yaml.Node, what string, table []word) (f fields, words []Word, ok bool) {
	entries, ok := l.tagged(n, what, dashed)
	f, words = l.fields(entries, what, table)
	return f, words, ok
}

func (l *loader) textFiles(s *Step, n *yaml.Node) {
	entries, _ := l.tagged(n, "!Text", same)
	for _, e := range entries {
		pos := l.at(e.keyNode)
		file := TextFile{Path: l.inImage(pos, "!Text", e.key)}
		var ok bool
		if file.Content, ok = l.fileText(e.value, "!Text "+quote(e.key)); !ok || file.Path == "" {
			continue
		}
		if file.Path == "/" || slices.ContainsFunc(s.Files, func(other TextFile) bool { return other.Path == file.Path }) {
			l.problem(pos, "!Text: %s is no file of its own; name each file once", quote(e.key))
		}
		s.Files = append(s.Files, file)
	}
}

func (l *loader) cacheDirs(s *Step, n *yaml.Node) {
	entries, _ := l.tagged(n, "!CacheDirs", same)
	for _, e := range entries {
		pos := l.at(e.keyNode)
		c := Cache{Path: l.inImage(pos, "!CacheDirs", e.key)}
		var ok bool
		if c.Name, ok = l.filled(e.value, "!CacheDirs "+quote(e.key)); !ok || !l.volumeName(l.at(e.value), c.Name) || c.Path == "" {
			continue
		}
		if c.Path == "/" || slices.ContainsFunc(s.Caches, func(other Cache) bool { return other.Path == c.Path }) {
			l.problem(pos, "!CacheDirs: %s is no folder of its own; name each folder once", quote(e.key))
		}
		s.Caches = append(s.Caches, c)
	}
	slices.SortFunc(s.Caches, func(a, b Cache) int { return strings.Compare(a.Path, b.Path) })
}
