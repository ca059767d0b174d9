//go:build example

// Package example_test builds and drives the projects in examples: they are
// what a reader tries first, so they have to do what their text says.
package example_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// djangoProject returns the folder of the example.
func djangoProject(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/django")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// browser talks to the site as a browser does: with its cookies, which the
// site wants to see with every form.
type browser struct {
	http *http.Client
	base *url.URL
}

func newBrowser(t *testing.T, port string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{
		http: &http.Client{Jar: jar, Timeout: 5 * time.Second},
		base: &url.URL{Scheme: "http", Host: "127.0.0.1:" + port, Path: "/"},
	}
}

// do sends a request (a POST if there is a form) and returns the body of an
// answer that has the wanted status.
func (b *browser) do(status int, path string, form url.Values) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, b.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, cookie := range b.http.Jar.Cookies(b.base) {
		if cookie.Name == "csrftoken" {
			req.Header.Set("X-CSRFToken", cookie.Value)
		}
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("%s %s: %s, want %d: %.300s", method, path, resp.Status, status, answer)
	}
	return answer, err
}

// loadPage waits for the page of the site that web serves.
func loadPage(web *app, b *browser) {
	web.t.Helper()
	web.poll("the page is there", func() error {
		page, err := b.do(http.StatusOK, "/", nil)
		if err == nil && !strings.Contains(string(page), "It works") {
			err = fmt.Errorf("not the example's page: %s", page)
		}
		return err
	})
}

// runTask sends a sum through the site and waits for the worker's result.
func runTask(web *app, b *browser) {
	web.t.Helper()
	var sent struct{ URL string }
	web.poll("a task can be sent", func() error { // Redis may come after the site
		answer, err := b.do(http.StatusAccepted, "/tasks", url.Values{"a": {"19"}, "b": {"23"}})
		if err != nil {
			return err
		}
		return json.Unmarshal(answer, &sent)
	})
	web.poll("the task is done", func() error {
		answer, err := b.do(http.StatusOK, sent.URL, nil)
		if err != nil {
			return err
		}
		var task struct {
			State  string
			Result *int
		}
		if err := json.Unmarshal(answer, &task); err != nil {
			return err
		}
		if task.State != "SUCCESS" || task.Result == nil || *task.Result != 42 {
			return fmt.Errorf("19 + 23: %s", answer)
		}
		return nil
	})
}

// worker returns the Celery worker's first process, the parent of its pool.
func worker(a *app) process {
	a.t.Helper()
	found := map[int]process{}
	for _, p := range a.processes() {
		// Its shell has the words "celery worker" too, but in one argument.
		if slices.Contains(p.args, "celery") && slices.Contains(p.args, "worker") {
			found[p.pid] = p
		}
	}
	for p := range maps.Values(found) {
		if _, inPool := found[p.parent]; !inPool {
			return p
		}
	}
	a.t.Fatalf("no Celery worker among %v", a.processes())
	return process{}
}

// files lists what is in the project, without what Lanyard keeps there.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.Name() == ".lanyard" {
			return filepath.SkipDir
		}
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestDjangoCheck: whichever command is the first, it builds the root.
func TestDjangoCheck(t *testing.T) {
	a := start(t, djangoProject(t), nil, "check")
	a.endsWithin(0, buildWithin)
	if out := a.out.String(); !strings.Contains(out, "no issues") {
		t.Errorf("Django's check said %q, want no issues", out)
	}
}

// TestDjangoDiesWithItsWorker kills the worker of a running application: the
// failure rule of the project ends all of it, with the worker's status.
func TestDjangoDiesWithItsWorker(t *testing.T) {
	dir := djangoProject(t)
	provide(t, dir)
	before := files(t, dir)
	ports := freePorts(t, 2)
	web, redis := ports[0], ports[1]
	all := start(t, dir, []string{"WEB_PORT=" + web, "REDIS_PORT=" + redis}, "run_full_app")
	b := newBrowser(t, web)
	loadPage(all, b)
	runTask(all, b)

	victim := worker(all)
	if err := syscall.Kill(victim.pid, syscall.SIGKILL); err != nil {
		t.Fatalf("cannot kill the worker %v: %v", victim, err)
	}
	all.ends(128 + int(syscall.SIGKILL))
	closed(t, web)
	closed(t, redis)
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("the application wrote into its project: before %v, after %v", before, after)
	}
}

// TestDjangoInTwoTerminals runs the application in two halves, as a developer
// does who wants the web server in a terminal of its own.
func TestDjangoInTwoTerminals(t *testing.T) {
	dir := djangoProject(t)
	provide(t, dir)
	ports := freePorts(t, 2)
	web, redis := ports[0], ports[1]
	vars := []string{"WEB_PORT=" + web, "REDIS_PORT=" + redis}
	rest := start(t, dir, vars, "run_full_app", "--exclude", "web")
	site := start(t, dir, vars, "run_full_app", "--only", "web")
	b := newBrowser(t, web)
	loadPage(site, b)
	runTask(site, b)

	rest.signal(syscall.SIGTERM)
	rest.ends(128 + int(syscall.SIGTERM))
	closed(t, redis)
	if _, err := b.do(http.StatusOK, "/", nil); err != nil {
		t.Errorf("the site does not serve without the rest: %v", err)
	}
	if _, err := b.do(http.StatusServiceUnavailable, "/tasks", url.Values{"a": {"1"}, "b": {"2"}}); err != nil {
		t.Errorf("a task without Redis: %v", err)
	}

	site.signal(syscall.SIGINT)
	site.ends(128 + int(syscall.SIGINT))
	closed(t, web)
}
