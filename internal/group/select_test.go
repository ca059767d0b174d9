package group

import (
	"errors"
	"slices"
	"testing"
)

func TestSelect(t *testing.T) {
	names := []string{"web", "celery", "redis", "flower"}
	tags := [][]string{nil, {"worker"}, {"store", "web"}, {"worker"}}
	tests := []struct {
		name          string
		only, exclude []string
		want          []int
		message       string
	}{
		{"everything", nil, nil, []int{0, 1, 2, 3}, ""},
		{"a name that is a tag too", []string{"web"}, nil, []int{0, 2}, ""},
		{"a tag", []string{"worker"}, nil, []int{1, 3}, ""},
		{"comma lists, repeats, order of the file", []string{"redis,celery", "celery", " redis "}, nil, []int{1, 2}, ""},
		{"exclude", nil, []string{"web"}, []int{1, 3}, ""},
		{"exclude names and tags", nil, []string{"worker,web"}, nil,
			"the selection leaves no child to run; children: web, celery, redis, flower; tags: store, web, worker"},
		{"only beats exclude, and does not look at it", []string{"celery"}, []string{"celery", "nonsense"}, []int{1}, ""},
		{"unknown, with the nearest", []string{"celry", "xyz"}, nil, nil,
			`no child and no tag is called "celry" (did you mean "celery"?); no child and no tag is called "xyz"; ` +
				"children: web, celery, redis, flower; tags: store, web, worker"},
		{"unknown among known, in exclude", nil, []string{"web,wroker,wroker"}, nil,
			`no child and no tag is called "wroker" (did you mean "worker"?); ` +
				"children: web, celery, redis, flower; tags: store, web, worker"},
		{"only, but no word", []string{","}, nil, nil,
			"the selection leaves no child to run; children: web, celery, redis, flower; tags: store, web, worker"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Select(names, tags, test.only, test.exclude)
			if !slices.Equal(got, test.want) {
				t.Errorf("selected %v, want %v", got, test.want)
			}
			var selection *SelectionError
			switch {
			case test.message == "" && err != nil:
				t.Errorf("error %v", err)
			case test.message != "" && (!errors.As(err, &selection) || err.Error() != test.message):
				t.Errorf("error\n     %v\nwant %s", err, test.message)
			}
		})
	}
}

func TestSelectWithoutTags(t *testing.T) {
	if got, err := Select([]string{"a", "b"}, nil, []string{"b"}, nil); err != nil || !slices.Equal(got, []int{1}) {
		t.Errorf("selected %v, %v", got, err)
	}
	if _, err := Select([]string{"a"}, nil, []string{"b"}, nil); err == nil ||
		err.Error() != `no child and no tag is called "b"; children: a` {
		t.Errorf("error %v", err)
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"web", "web", 0}}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
