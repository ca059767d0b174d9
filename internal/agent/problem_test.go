package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// mistakes are files with one mistake each: "LINE:COLUMN: " and a part of the
// message that says what to write.
var mistakes = []struct{ text, want string }{
	{"", "1:1: the file is empty; write one JSON object"},
	{" \n", "2:1: the file is empty"},
	{"\x00", "1:1: this is not JSON: invalid character"},
	{"\ufeff{}", "1:1: this is not JSON: invalid character"},
	{"{}\n{}", "2:1: this is not JSON: invalid character '{' after top-level value"},
	{"{} x", "1:4: this is not JSON"},
	{"{\n  \"env\": {\n", "2:11: this is not JSON: unexpected end"},
	{"{\"a\": \"\n\"}", "1:8: this is not JSON"},
	{"{\"ä\": nul}", "1:10: this is not JSON"},
	{"{\"a\": \"\xff\"}", "1:8: this byte (0xff) is not UTF-8"},
	{"[]", "1:1: the file holds a list; write one JSON object"},
	{" null", "1:2: the file holds null"},
	{"\"{}\"", "1:1: the file holds a string"},
	{strings.Repeat("[", 20000), "1:10001: this is not JSON: invalid character '[' exceeded max depth"},
	{`{"product": 1}`, `1:13: product is a number; write a string in quotes`},
	{`{"job": ["a"]}`, `1:9: job is a list`},
	{`{"artifact_url": {}}`, `1:18: artifact_url is an object`},
	{`{"environment": true}`, `1:17: environment is a boolean`},
	{`{"health_checks": {}}`, `1:19: health_checks is an object; write a list in brackets, or null`},
	{`{"ports": [80]}`, `1:11: ports is a list; write an object in braces`},
	{`{"ports": {"http": 65536}}`, `1:20: ports.http is 65536; write a whole number from 0 to 65535`},
	{`{"ports": {"http": -1}}`, `1:20: ports.http is -1;`},
	{`{"ports": {"http": 80.5}}`, `1:20: ports.http is 80.5;`},
	{`{"ports": {"http": "80"}}`, `1:20: ports.http is a string; write a whole number`},
	{`{"env": {"A": 1}}`, `1:15: env.A is a number; write a string in quotes`},
	{`{"env": {"": "x"}}`, `1:10: env[""] has an empty name`},
	{`{"env": {"ä": "", "A=B": "x"}}`, `1:19: env["A=B"]: the name of a variable holds no =`},
	{`{"env": {"A\u0000": "x"}}`, `1:10: env["A\x00"]: the name of a variable`},
	{`{"env": {"A": "x\u0000y"}}`, `1:15: env.A holds a NUL`},
	{`{"command": "sleep 1"}`, `1:13: command is a string; write an object in braces`},
	{`{"command": {"working_dir": "srv"}}`, `1:29: command.working_dir is "srv", which is relative; begin with a slash`},
	{`{"command": {"working_dir": "/srv/../etc"}}`, `holds ".."; write the path without it`},
	{`{"resources": {"mem": -5}}`, `1:23: resources.mem is -5; write a whole number from 0 to 4398046511103 (MiB; 0 is no limit)`},
	{`{"resources": {"mem": 4398046511104}}`, `resources.mem is 4398046511104; write`},
	{`{"resources": {"mem": 99999999999999999999}}`, `resources.mem is 99999999999999999999; write`},
	{`{"resources": {"mem": 1e3}}`, `resources.mem is 1e3; write a whole number`},
	{`{"resources": {"mem": "64"}}`, `resources.mem is a string; write a whole number`},
	{`{"Resources": {"MEM": -5}}`, `1:23: Resources.MEM is -5`},
	{`{"resources": {"cpu": -0.5}}`, `1:23: resources.cpu is -0.5; write a number of CPUs from 0 to 1000000`},
	{`{"resources": {"cpu": 1e999}}`, `resources.cpu is 1e999; write`},
	{`{"resources": {"cpu": 1000000.1}}`, `resources.cpu is 1000000.1; write`},
	{`{"resources": {"cpu": "NaN"}}`, `resources.cpu is a string; write a number`},
	{`{"resources": {"fd": -1}}`, `1:22: resources.fd is -1; write a whole number from 0 to 5000`},
	{`{"resources": {"fd": 5001}}`, `resources.fd is 5001; write a whole number from 0 to 5000 (the supervisor's own hard limit on open files; 0 is 4069)`},
	{`{"storage": {"tmp": {"/t": 0}}}`, `1:28: storage.tmp["/t"] is 0; write the size of that tmpfs in MiB, at least 1; -1 is no limit`},
	{`{"storage": {"tmp": {"/t": null}}}`, `storage.tmp["/t"] is null; write the size`},
	{`{"storage": {"tmp": {"/t": -2}}}`, `storage.tmp["/t"] is -2; write a whole number from -1 to 8796093022207`},
	{`{"storage": {"tmp": {"/t": 8796093022208}}}`, `storage.tmp["/t"] is 8796093022208;`},
	{`{"storage": {"tmp": {"t": 1}}}`, `1:22: storage.tmp.t: the path inside the container is "t", which is relative`},
	{`{"storage": {"tmp": {"/a/../b": 1}}}`, `which holds ".."`},
	{`{"storage": {"tmp": {"/a\nb": 1}}}`, `which holds a NUL or a newline`},
	{`{"storage": {"tmp": {"/a\u0000b": 1}}}`, `which holds a NUL or a newline`},
	{`{"storage": {"tmp": {"//": 1}}}`, `nothing can be mounted on the container's root itself`},
	{`{"storage": {"tmp": {"/` + strings.Repeat("a", 4095) + `": 1}}}`, `is longer than a path can be`},
	{`{"storage": {"tmp": {"/a": 1, "/a/": 2}}}`, `1:31: storage.tmp["/a/"] is the same place as storage.tmp["/a"]; keep one`},
	{`{"storage": {"volumes": {"/a": "/"}, "tmp": {"/a": 1}}}`, `1:46: storage.tmp["/a"] is the same place as storage.volumes["/a"]`},
	{`{"storage": {"volumes": {"/v": "srv"}}}`, `1:32: storage.volumes["/v"]: the host's path "srv" is relative`},
	{`{"storage": {"volumes": {"/v": ""}}}`, `storage.volumes["/v"] has no path of the host`},
	{`{"storage": {"volumes": {"/v": null}}}`, `storage.volumes["/v"] has no path of the host`},
	{`{"storage": {"volumes": {"/v": 1}}}`, `storage.volumes["/v"] is a number; write an absolute path`},
	{`{"storage": {"volumes": {"/v": "/\u0000"}}}`, `the host's path "/\x00" holds a NUL`},
	{`{"storage": {"volumes": {"/v": "/no/such/thing"}}}`, `storage.volumes["/v"]: the host's path "/no/such/thing", to be seen at "/v", does not exist; create it first`},
	{`{"storage": {"volumes": {"/v": "/dev/null/x"}}}`, `can't be reached: not a directory`},
	{`{"grace": {"startup": "10"}}`, `1:23: grace.startup is "10"; write a duration with its unit, such as "30s"`},
	{`{"grace": {"shutdown": "-1s"}}`, `grace.shutdown is "-1s"; write`},
	{`{"grace": {"shutdown": 30}}`, `grace.shutdown is a number; write a duration`},
	{`{"restart": "sometimes"}`, `1:13: restart is "sometimes"; write "no", "on-failure" or "always"`},
	{`{"restart": "No"}`, `restart is "No"; write "no", "on-failure" or "always"`},
	{`{"restart": false}`, `restart is a boolean; write "no", "on-failure" or "always"`},
}

func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		name := quote(m.text)
		c, err := parse([]byte(m.text), hard)
		var problems Problems
		if !errors.As(err, &problems) || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
			continue
		}
		if len(problems) != 1 {
			t.Errorf("%s: more than one problem:\n%v", name, err)
		}
		text := err.Error()
		if !strings.HasPrefix(text, "agent.json:") || !strings.Contains(text, m.want) ||
			m.want[0] >= '0' && m.want[0] <= '9' && !strings.HasPrefix(text, "agent.json:"+m.want) {
			t.Errorf("%s:\n  got  %s\n  want %s", name, text, m.want)
		}
	}
}

// TestAllAtOnce: mistakes come in the order of the file, though not read so.
func TestAllAtOnce(t *testing.T) {
	_, err := parse([]byte("{\n \"resources\": {\"fd\": -1, \"mem\": -1},\n \"env\": {\"A\": 1},\n \"restart\": \"x\"\n}"), hard)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		key, _, _ := strings.Cut(p.Message, " ")
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, key))
	}
	if text := strings.Join(got, ", "); text != "2:22 resources.fd, 2:33 resources.mem, 3:15 env.A, 4:13 restart" {
		t.Errorf("got %s", text)
	}
}

func TestManyMistakes(t *testing.T) {
	list := make([]string, 1000)
	for i := range list {
		list[i] = fmt.Sprintf(`"p%d": -1`, i)
	}
	_, err := parse([]byte(`{"ports": {`+strings.Join(list, ",\n")+`}}`), hard)
	if text := err.Error(); strings.Count(text, "\n") != 20 || !strings.HasSuffix(text, "\nagent.json: and 980 more") {
		t.Errorf("%s", text)
	}
}

// TestDefaultAboveOwnLimit: the default of resources.fd is no excuse.
func TestDefaultAboveOwnLimit(t *testing.T) {
	for _, text := range []string{"{}", `{"resources": {"fd": 0}}`} {
		_, err := parse([]byte(text), 1024)
		if err == nil || !strings.Contains(err.Error(), "resources.fd is 4069 where it is not given, above the supervisor's own hard limit of 1024 open files") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if c, err := parse([]byte(`{"resources": {"fd": 1024}}`), 1024); err != nil || c.NoFile != 1024 {
		t.Errorf("%+v, %v", c, err)
	}
}
