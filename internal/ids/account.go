package ids

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/moby/sys/user"
)

// account is what newuidmap(1) sees in its caller.
type account struct {
	name string
	gid  int
}

// findAccount looks a user up in /etc/passwd, and where newuidmap looks besides
// (nsswitch.conf(5)): with getent(1), because there is no libc here.
func findAccount(uid int) (who account, known bool) {
	if u, err := user.LookupUid(uid); err == nil {
		return account{u.Name, u.Gid}, true
	}
	out, err := exec.Command("getent", "passwd", strconv.Itoa(uid)).Output()
	fields := strings.Split(string(out), ":") // passwd(5)
	if err != nil || len(fields) < 4 {
		return account{}, false
	}
	gid, err := strconv.Atoi(fields[3])
	return account{fields[0], gid}, err == nil
}

// refused says what newuidmap and newgidmap want of a caller besides a range: a
// name, even if the range is one of his number; and to have the group of his
// account (newgidmap(1)), which newgrp(1) changes.
func refused(uid int, who account, known bool) *linux.Obstacle {
	switch {
	case !known:
		return &linux.Obstacle{Why: fmt.Sprintf("uid %d has no name, and newuidmap maps ids for users with a name only", uid), Fix: fmt.Sprintf("sudo useradd --uid %d user%d", uid, uid)}
	case uid == os.Geteuid() && who.gid != os.Getegid():
		return &linux.Obstacle{Why: fmt.Sprintf("your group is %d, and newgidmap wants %d, which %s has in /etc/passwd", os.Getegid(), who.gid, who.name), Fix: "newgrp -"}
	}
	return nil
}
