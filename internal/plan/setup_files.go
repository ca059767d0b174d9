package plan

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
)

// defaultUmask is vagga's: what is copied can be read by all.
const defaultUmask = 0o002

// inImage checks a path of the container under construction and returns it
// clean, "" if it is none.
func (l *loader) inImage(pos Pos, what, written string) string {
	clean := path.Clean(written)
	switch {
	case !strings.HasPrefix(written, "/"):
		l.problem(pos, "%s: %s is a path inside the container and has to begin with a slash", what, quote(written))
		return ""
	case strings.ContainsRune(written, 0):
		l.problem(pos, "%s: %s contains a NUL byte; remove it", what, quote(written))
		return ""
	}
	for _, own := range []string{"/proc", "/sys", "/dev", "/work"} {
		if clean == own || strings.HasPrefix(clean, own+"/") {
			l.problem(pos, "%s: every container has a %s of its own, so nothing of %s is kept; choose another path", what, own, quote(written))
			return ""
		}
	}
	return clean
}

// inProject checks a path of the project: relative to its root, or below /work.
// ok is false for any other, which is reported unless it is a path of the
// container: that is the caller's to judge.
func (l *loader) inProject(pos Pos, what, written string) (source string, ok, elsewhere bool) {
	rest, below := strings.CutPrefix(written, "/work/")
	switch {
	case written == "":
		l.problem(pos, "%s is empty; name something of the project, such as ./FILE", what)
		return "", false, false
	case written == "/work":
		rest = "."
	case !below && written[0] == '/':
		return "", false, true
	}
	clean := path.Clean(rest)
	for strings.HasPrefix(clean, "/") { // /work//a
		clean = clean[1:]
	}
	if clean == "" {
		clean = "."
	}
	if clean == ".." || strings.HasPrefix(clean, "../") {
		l.problem(pos, "%s: %s leads out of the project", what, quote(written))
		return "", false, false
	}
	return clean, true, false
}

// tar reads where an archive is, and where to it is unpacked. path is vagga's
// target; where no url is written it is the archive itself.
func (l *loader) tar(s *Step, n *yaml.Node) []Word {
	f, _, ok := l.options(n, "!Tar", tarWords)
	if !ok {
		return nil
	}
	s.Target, s.Subdir = "/", "."
	where, target := f.get("url"), f.get("path")
	what := "url"
	if where == nil {
		what, where, target = "path", target, nil
	}
	if where == nil {
		l.problem(s.Pos, "!Tar names no archive; write url: URL with sha256: HEX, or path: ./FILE of the project")
		return nil
	}
	if target != nil {
		if text, ok := l.filled(target, "path"); ok {
			s.Target = l.inImage(l.at(target), "path", text)
		}
	}
	if v := f.get("subdir"); v != nil {
		s.Subdir = l.subdir(v)
	}
	if v := f.get("sha256"); v != nil {
		text, ok := l.filled(v, "sha256")
		s.SHA256 = strings.ToLower(text)
		if ok && !isHex(s.SHA256, 64) {
			l.problem(l.at(v), "sha256: %s is not 64 hex digits; write what sha256sum says", quote(text))
		}
	}
	text, ok := l.filled(where, what)
	if !ok {
		return nil
	}
	return l.archive(s, l.at(where), what, text, f.get("sha256") != nil)
}

// archive sorts out what text, the value of the key what, names.
func (l *loader) archive(s *Step, pos Pos, what, text string, checked bool) []Word {
	switch {
	case what == "url" && isHTTP(text):
		s.URL = text
		if !checked {
			return []Word{{s.Pos, "!Tar without sha256", "add sha256: HEX of the archive (sha256sum), so that what is unpacked is part of the version"}}
		}
	case text[0] != '.' && text[0] != '/':
		l.problem(pos, "%s: %s is neither a URL (http://… or https://…, as url) nor a file of the project (./… or /work/…)", what, quote(text))
	default:
		source, _, elsewhere := l.inProject(pos, what, text)
		s.Source = source
		switch {
		case source == ".":
			l.problem(pos, "%s: %s is the project itself; name an archive in it", what, quote(text))
		case elsewhere && what == "url" && strings.HasPrefix(text, "/volumes/"):
			return []Word{{s.Pos, "!Tar of /volumes", "copy the archive into the project, or name its URL"}}
		case elsewhere && what == "path":
			l.problem(pos, "path: without a url it names the archive, and %s is not in the project; write ./FILE, or add a url", quote(text))
		case elsewhere:
			l.problem(pos, "%s: %s is not in the project; write ./FILE or /work/FILE", what, quote(text))
		}
	}
	return nil
}

// subdir reads a folder inside an archive.
func (l *loader) subdir(n *yaml.Node) string {
	text, ok := l.text(n, "subdir")
	clean := path.Clean(text)
	if ok && (strings.HasPrefix(clean, "/") || clean == ".." || strings.HasPrefix(clean, "../")) {
		l.problem(l.at(n), "subdir: %s is not a folder inside the archive; write it without a slash in front and without ..", quote(text))
		return "."
	}
	return clean
}

func (l *loader) copyStep(s *Step, n *yaml.Node) []Word {
	f, words, ok := l.options(n, "!Copy", copyWords)
	if !ok {
		return nil
	}
	if v := f.get("source"); v == nil {
		l.problem(s.Pos, "!Copy has no source; write source: ./FILE or /work/FOLDER")
	} else if text, ok := l.filled(v, "source"); ok {
		var elsewhere bool
		if s.Source, _, elsewhere = l.inProject(l.at(v), "source", text); elsewhere {
			words = append(words, Word{l.at(v), "!Copy of what is not in /work", "write !Sh cp -a " + text + " PATH"})
		}
	}
	if v := f.get("path"); v == nil {
		l.problem(s.Pos, "!Copy has no path; write path: /WHERE/TO in the container")
	} else if text, ok := l.filled(v, "path"); ok {
		s.Target = l.inImage(l.at(v), "path", text)
	}
	s.OwnerUID, s.OwnerGID = l.id(f, "owner-uid"), l.id(f, "owner-gid")
	s.Umask = l.octal(f, "umask", defaultUmask, 0o777)
	if v := f.get("preserve-permissions"); v != nil {
		s.PreservePermissions, _ = l.boolean(v, "preserve-permissions")
	}
	if v := f.get("preserve-times"); v != nil {
		s.PreserveTimes, _ = l.boolean(v, "preserve-times")
	}
	return words
}

// depends reads a path of the project, alone or with vagga's rules.
func (l *loader) depends(s *Step, n *yaml.Node) []Word {
	var words []Word
	pos := l.at(n)
	var text string
	var ok bool
	if n.Kind == yaml.MappingNode {
		var f fields
		f, words = l.fields(l.entries(n, dashed), "!Depends", dependsWords)
		v := f.get("path")
		if v == nil {
			l.problem(s.Pos, "!Depends has no path; name a file or folder of the project")
			return words
		}
		pos = l.at(v)
		text, ok = l.text(v, "path")
	} else {
		text, ok = l.taggedText(n, "!Depends")
	}
	if !ok {
		return words
	}
	var elsewhere bool
	if s.Source, _, elsewhere = l.inProject(pos, "!Depends", text); elsewhere {
		l.problem(pos, "!Depends: %s is not in the project; write ./FILE or /work/FILE", quote(text))
	}
	return words
}
