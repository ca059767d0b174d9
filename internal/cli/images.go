package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// item is an image or a build of the store, as _images shows it.
type item struct {
	Kind     string    `json:"kind"` // "image" or "build"
	Name     string    `json:"name"` // the reference; a build's container
	Digest   string    `json:"digest"`
	Project  string    `json:"project,omitempty"`
	Platform string    `json:"platform,omitempty"`
	Size     int64     `json:"size"` // bytes; of a build without what it starts from
	Made     time.Time `json:"made"`
	Used     time.Time `json:"used"`
}

// images is _images. It needs no project.
func (a *app) images(s settings, _ []string) int {
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	path, err := provide.Path(own, a.getenv)
	if err != nil {
		a.fail("%v", err)
		return run.ExitInternal
	}
	items, err := storeItems(path)
	if err != nil {
		a.fail("%v", err)
		return run.ExitInternal
	}
	if s.json {
		return a.printJSON(items)
	}
	if len(items) == 0 {
		fmt.Fprintf(a.out, "there is nothing in %s yet: a container's image or recipe is made when a command first needs it\n", path)
		return 0
	}
	fmt.Fprint(a.out, itemTable(items, time.Now()))
	return 0
}

// storeItems are all images and builds, the last used first.
func storeItems(path string) ([]item, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return []item{}, nil
	}
	images, builds, err := store.List(path)
	if err != nil {
		return nil, err
	}
	items := []item{}
	for _, i := range images {
		items = append(items, item{Kind: "image", Name: i.Ref, Digest: i.Digest, Platform: i.Platform, Size: i.Size, Made: i.Fetched, Used: i.LastUsed})
	}
	for _, b := range builds {
		items = append(items, item{Kind: "build", Name: b.Container, Digest: "sha256:" + b.Version, Project: b.Project, Size: b.Size, Made: b.Created, Used: b.LastUsed})
	}
	slices.SortFunc(items, func(x, y item) int { return cmp.Or(y.Used.Compare(x.Used), cmp.Compare(x.Name, y.Name)) })
	return items, nil
}

func itemTable(items []item, now time.Time) string {
	rows := [][]string{{"NAME", "DIGEST", "SIZE", "USED", "PROJECT"}}
	for _, i := range items {
		digest := strings.TrimPrefix(i.Digest, "sha256:")
		rows = append(rows, []string{i.Name, digest[:min(12, len(digest))], bytesText(uint64(i.Size)), ago(now.Sub(i.Used)), i.Project})
	}
	return columns(rows)
}

// columns lays out rows; the last column is as wide as it is.
func columns(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, text := range r {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, text := range r {
			line += fmt.Sprintf("%-*s  ", width[i], text)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// ago gives the largest unit of an age.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour") + " ago"
	}
	return count(int(d.Hours()/24), "day") + " ago"
}

func (a *app) printJSON(value any) int {
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		a.fail("cannot write the list: %v", err)
		return run.ExitInternal
	}
	return 0
}
