package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Lacks gives those of some controllers that groups in a place don't get, and why;
// nil where they get all, and where it can't be known before they are made.
func (p *Place) Lacks(names ...string) ([]string, *linux.Obstacle) {
	folder := p.Folder
	switch p.Kind {
	case Hierarchies, None:
		return nil, nil
	case Scope:
		folder = managerAbove(os.Geteuid())
	}
	have, err := wordsOf(folder, controllersFile)
	lacking := without(names, have)
	if err != nil || len(lacking) == 0 {
		return nil, nil
	}
	return lacking, few(folder, have, lacking)
}

const controllersFile = "cgroup.controllers"

// managerAbove is the cgroup whose controllers a scope of a user gets: that of his
// systemd (systemd.special(7), user@.service), as root the root cgroup.
func managerAbove(uid int) string {
	if uid == 0 {
		return mount
	}
	return fmt.Sprintf("%s/user.slice/user-%d.slice/%s", mount, uid, managerUnit(uid))
}

func managerUnit(uid int) string { return fmt.Sprintf("user@%d.service", uid) }

// few says that a cgroup has only some controllers, and what gives it those that it
// lacks. The words are about the topmost cgroup that has to be given them.
func few(folder string, have, lacking []string) *linux.Obstacle {
	lack := func(above string) bool {
		its, err := wordsOf(above, controllersFile)
		if err != nil || len(without(lacking, its)) < len(lacking) {
			return false
		}
		folder, have = above, its
		return true
	}
	fix := "" // also where the kernel has refused what the folder has
	if manager := managerOf(folder); lack(mount) {
		fix = ofKernel(lacking)
	} else if manager != "" && lack(manager) {
		fix = ofManager()
	} else if lack(folder) {
		fix = ofParents(folder)
	}
	only := ", only: " + strings.Join(have, ", ")
	if len(have) == 0 {
		only = ", and no other"
	}
	return &linux.Obstacle{Why: fmt.Sprintf("the cgroup %s has no %s controller%s", folder, strings.Join(lacking, " or "), only), Fix: fix}
}

// managerOf gives the cgroup of this user's systemd that a folder is in; "" for
// none.
func managerOf(folder string) string {
	unit := "/" + managerUnit(os.Geteuid())
	above, _, found := strings.Cut(folder+"/", unit+"/")
	if !found {
		return ""
	}
	return above + unit
}

// ofKernel is for the machine's root cgroup. That of a namespace has what its maker
// gave it.
func ofKernel(lacking []string) string {
	if exists(mount + "/cgroup.type") {
		return ""
	}
	return CommandLine(lacking)
}

// CommandLine says how a kernel gets controllers that it was built with.
func CommandLine(controllers []string) string {
	return "cgroup_enable=" + strings.Join(controllers, " cgroup_enable=") + " on the kernel's command line"
}

// ofManager has the machine's systemd give the users' all controllers. Unless told,
// it gives no io, and an older one no cpu either (systemd's units/user@.service.in).
func ofManager() string {
	const dir = "/etc/systemd/system/user@.service.d"
	return fmt.Sprintf(`sudo sh -c 'mkdir -p %[1]s && printf "[Service]\nDelegate=cpu cpuset io memory pids\n" >%[1]s/delegate.conf && systemctl daemon-reload'`+
		", then sudo systemctl restart %[2]s, which ends all that it runs", dir, managerUnit(os.Geteuid()))
}

// ofUnit has systemd give the cgroup of a unit what it lacks; "" if it is none's.
// A scope that lanyard has had made was given all that its slice hands on.
func ofUnit(folder string) string {
	unit := filepath.Base(folder)
	switch ext := filepath.Ext(unit); {
	case ext == ".scope" && (strings.HasPrefix(unit, "lanyard-") || strings.HasPrefix(unit, "harpoon-")):
		return "no DisableControllers= in " + filepath.Base(filepath.Dir(folder))
	case ext == ".scope" || ext == ".service":
		return "Delegate=yes, without a list of controllers, in " + unit
	}
	return ""
}

// ofParents has the cgroups above one hand on what they have, from the top.
func ofParents(folder string) string {
	if fix := ofUnit(folder); fix != "" && Booted() {
		return fix
	}
	there, err := wordsOf(mount, controllersFile)
	if err != nil {
		return ""
	}
	var give, files []string
	for dir := folder; dir != mount; dir = filepath.Dir(dir) {
		have, err := wordsOf(dir, controllersFile)
		lacking := without(without(wanted, without(wanted, there)), have)
		if err != nil || len(lacking) == 0 {
			break
		}
		if dir == folder {
			give = lacking
		}
		files = append(files, filepath.Join(filepath.Dir(dir), "cgroup.subtree_control"))
	}
	slices.Reverse(files)
	return "echo +" + strings.Join(give, " +") + " | sudo tee " + strings.Join(files, " ")
}

// without gives the words that are not among others.
func without(words, others []string) []string {
	var left []string
	for _, w := range words {
		if !slices.Contains(others, w) {
			left = append(left, w)
		}
	}
	return left
}
