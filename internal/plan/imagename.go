package plan

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// The prefixes of images that are not in a registry.
const (
	ociPrefix     = "oci:"
	archivePrefix = "docker-archive:"
)

// imageName reads the name of an image. It finds only what is certainly wrong;
// what a name means is known where images are fetched. The tag is the caller's
// to look at.
func (l *loader) imageName(n *yaml.Node, what string) string {
	text, ok := l.taggedText(n, what)
	if !ok {
		return ""
	}
	name, digest, pinned := strings.Cut(text, "@")
	algorithm, hex, _ := strings.Cut(digest, ":")
	scheme, rest, hasScheme := strings.Cut(text, "://")
	switch {
	case strings.TrimSpace(text) == "":
		l.problem(l.at(n), "%s is empty; write NAME:TAG, oci:FOLDER or docker-archive:FILE", what)
	case text == ociPrefix || text == archivePrefix || strings.HasPrefix(text, ociPrefix+":") || strings.HasPrefix(text, archivePrefix+":"):
		l.problem(l.at(n), "%s: %s has no path; write one after the first colon", what, quote(text))
	case strings.HasPrefix(text, ociPrefix), strings.HasPrefix(text, archivePrefix):
		return text
	case hasScheme && !strings.Contains(scheme, "/"):
		l.problem(l.at(n), "%s: %s has a %s:// in front; write %s", what, quote(text), scheme, quote(rest))
	case strings.ContainsAny(text, " \t\n\r"):
		l.problem(l.at(n), "%s: %s has spaces; the name of an image is NAME[:TAG][@DIGEST]", what, quote(text))
	case name == "":
		l.problem(l.at(n), "%s: %s has no name before the @", what, quote(text))
	case pinned && algorithm != "sha256":
		l.problem(l.at(n), "%s: the digest %s does not begin with sha256:, the one kind that is known", what, quote(digest))
	case pinned && !isHex(hex, 64):
		l.problem(l.at(n), "%s: the digest %s is not sha256: and 64 lower-case hex digits; copy it anew", what, quote(digest))
	default:
		return text
	}
	return ""
}

// isHex says whether text is that many lower-case hex digits.
func isHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}

// isHTTP says whether text can be a URL for http or https: nothing that a
// person mistypes, no full grammar.
func isHTTP(text string) bool {
	rest, ok := strings.CutPrefix(text, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(text, "http://")
	}
	return ok && rest != "" && !strings.HasPrefix(rest, "/") && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
