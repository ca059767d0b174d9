package group

import (
	"fmt"
	"slices"
	"strings"
)

// SelectionError says why a selection can't be run. Its exit code is
// CodeNotFound.
type SelectionError struct {
	Unknown []string // words that are neither a name nor a tag; empty: the selection leaves nothing
	Nearest []string // the nearest name or tag of each, "" if none is near
	Names   []string // what there is
	Tags    []string // sorted
}

func (e *SelectionError) Error() string {
	var b strings.Builder
	for i, word := range e.Unknown {
		fmt.Fprintf(&b, "no child and no tag is called %q", word)
		if e.Nearest[i] != "" {
			fmt.Fprintf(&b, " (did you mean %q?)", e.Nearest[i])
		}
		b.WriteString("; ")
	}
	if len(e.Unknown) == 0 {
		b.WriteString("the selection leaves no child to run; ")
	}
	b.WriteString("children: " + strings.Join(e.Names, ", "))
	if len(e.Tags) > 0 {
		b.WriteString("; tags: " + strings.Join(e.Tags, ", "))
	}
	return b.String()
}

// Select returns the indexes of the children that only and exclude leave, in
// the order of names. tags holds the tags of each child and may be shorter
// than names. A word of only or exclude is a name, a tag, or a list of them
// with commas. If there is any only, exclude is not looked at. The error is a
// *SelectionError.
func Select(names []string, tags [][]string, only, exclude []string) ([]int, error) {
	words, want := split(only), true
	if len(only) == 0 {
		words, want = split(exclude), false
	}
	fail := SelectionError{Names: names, Tags: known(tags)}
	named := make([]bool, len(names))
	for _, word := range words {
		if !mark(named, names, tags, word) && !slices.Contains(fail.Unknown, word) {
			fail.Unknown = append(fail.Unknown, word)
			fail.Nearest = append(fail.Nearest, nearest(word, slices.Concat(names, fail.Tags)))
		}
	}
	var chosen []int
	for i := range names {
		if named[i] == want {
			chosen = append(chosen, i)
		}
	}
	if len(fail.Unknown) > 0 || len(chosen) == 0 {
		return nil, &fail
	}
	return chosen, nil
}

// mark marks the children that word names and says whether there is one.
func mark(named []bool, names []string, tags [][]string, word string) bool {
	found := false
	for i, name := range names {
		if name == word || i < len(tags) && slices.Contains(tags[i], word) {
			named[i], found = true, true
		}
	}
	return found
}

func split(args []string) []string {
	var words []string
	for _, arg := range args {
		for word := range strings.SplitSeq(arg, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

func known(tags [][]string) []string {
	all := slices.Concat(tags...)
	slices.Sort(all)
	return slices.Compact(all)
}

// nearest returns the word at the smallest edit distance, "" if that is over a
// third of word's length (rounded up) or would replace all of it.
func nearest(word string, words []string) string {
	best, least := "", min((len(word)+2)/3, len(word)-1)+1
	for _, w := range words {
		if d := distance(word, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the bytes to insert, delete or replace to make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
