package plan

import "strings"

// Nearest returns the word of known that a person who typed word probably
// meant, "" if none is near. Case and the difference between '-' and '_' count
// for nothing; otherwise up to a third of the letters (at most three) may be
// wrong, missing, superfluous or swapped with their neighbour. Among equally
// near words the first wins.
func Nearest(word string, known []string) string {
	const longest = 100 // the names we know are shorter
	if word == "" || len(word) > longest {
		return ""
	}
	folded := fold(word)
	best, most := "", min(3, max(1, len(folded)/3))
	for _, candidate := range known {
		if len(candidate) > len(folded)+most || len(candidate) < len(folded)-most {
			continue
		}
		if d := distance(folded, fold(candidate)); d <= most {
			best, most = candidate, d-1
		}
		if most < 0 {
			break
		}
	}
	return best
}

func fold(word string) string {
	return strings.ReplaceAll(strings.ToLower(word), "_", "-")
}

// distance is the number of single-byte edits and swaps of neighbours that
// make b of a (optimal string alignment).
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
