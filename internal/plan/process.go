package plan

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
)

// contained reads a process that runs in one of the plan's containers.
func (l *loader) contained(e entry, f fields, what string) *Process {
	n := f.get("container")
	if n == nil {
		out := l.process(e, f, what, false)
		l.problem(out.Pos, "%s has no container; write container: NAME", what)
		return out
	}
	name, ok := l.filled(n, "container")
	if !ok {
		return l.process(e, f, what, false)
	}
	out := l.process(e, f, what, l.plan.Imaged(name) != nil)
	out.Container, out.ContainerPos = name, l.at(n)
	l.want(aContainer, out.ContainerPos, name)
	l.swapNeedsMemory(out.Limits, l.plan.Containers[name])
	return out
}

// process reads what every command and every child has, but the container.
// imaged says whether that comes from an image, which may run something by
// itself.
func (l *loader) process(e entry, f fields, what string, imaged bool) *Process {
	out := &Process{Pos: l.at(e.keyNode), Name: e.key}
	if f.get("run") == nil && imaged {
		out.AcceptsArguments, out.RunPos = true, out.Pos
	} else {
		l.run(out, f, what)
	}
	if n := f.get("tags"); n != nil {
		for _, t := range l.namesOf(n, "tags") {
			out.Tags = append(out.Tags, t.text)
		}
	}
	if n := f.get("accepts-arguments"); n != nil {
		out.AcceptsArguments, _ = l.boolean(n, "accepts-arguments")
	}
	if n := f.get("work-dir"); n != nil {
		out.WorkDir = l.workDir(n)
	}
	out.Environ = l.environ(f)
	out.Volumes, out.Unsupported = l.volumes(f)
	out.WriteMode = l.writeMode(f)
	out.UserID, out.GroupID = l.id(f, "user-id"), l.id(f, "group-id")
	out.ExternalUserID = l.id(f, "external-user-id")
	out.SupplementaryGIDs = l.ids(f, "supplementary-gids")
	out.Limits = l.limits(f)
	out.LimitsMode = l.limitsMode(f)
	out.Security = l.security(f)
	if n := f.get("pid1mode"); n != nil {
		out.Unsupported = append(out.Unsupported, l.pid1mode(n)...)
	}
	return out
}

// run reads what is executed and, because it depends on that, the default of
// accepts-arguments.
func (l *loader) run(out *Process, f fields, what string) {
	n := f.get("run")
	if n == nil {
		l.problem(out.Pos, "%s has no run; write what it executes", what)
		return
	}
	out.RunPos = l.at(n)
	if n.Kind == yaml.ScalarNode {
		out.Shell = true
		if line, ok := l.filled(n, "run"); ok {
			out.Run = []string{line}
		}
		return
	}
	out.AcceptsArguments = true
	before := len(l.problems)
	out.Run = l.texts(n, "run")
	if len(l.problems) == before && (len(out.Run) == 0 || out.Run[0] == "") {
		l.problem(out.RunPos, "run is empty; write the program first")
	}
}

// workDir reads where a process starts: below the project root, or anywhere in
// its container.
func (l *loader) workDir(n *yaml.Node) string {
	text, ok := l.filled(n, "work-dir")
	if !ok {
		return ""
	}
	dir := path.Clean(text)
	if dir == ".." || strings.HasPrefix(dir, "../") {
		l.problem(l.at(n), "work-dir: %s leads out of the project; a path inside the container begins with a slash", quote(text))
		return ""
	}
	return dir
}

// pid1mode reads what vagga runs as the first process of a container. Ours is
// always vagga's wait.
func (l *loader) pid1mode(n *yaml.Node) []Word {
	mode, ok := l.choice(n, "pid1mode", "wait", "wait-all-children", "exec")
	if !ok || mode == "wait" {
		return nil
	}
	return []Word{{l.at(n), "pid1mode: " + n.Value, "write wait or remove it"}}
}
