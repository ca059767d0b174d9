package images_test

import (
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestOwnGroup: where the caller's group is the only one, nobody may set others:
// those that the image gives its user are left out, and it is fetched, built upon
// and run.
func TestOwnGroup(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		r.push("app", imageOf(t, v1.Config{User: "me"}, base(t), layerOf(t,
			entry{name: "etc/passwd", text: "root:x:0:0::/:/bin/sh\nme:x:0:0::/:/bin/sh\n"}, entry{name: "etc/group", text: "root:x:0:\nmore:x:10:me\n"})))
		p := newProject(t, r, `
containers:
  fetched: {image: "HOST/app", gids: [0]}
  built: {setup: [!Image "HOST/app", !Sh "id -g >/out"], gids: [0], volumes: {/data: !Persistent {name: db, owner-gid: 0}}}
commands:
  fetched: !Command {container: fetched, run: "id -u; id -g; id -G | grep -cw 10 || true"}
  built: !Command {container: built, run: "cat /out; stat -c %g /data"}
`).as(as)
		more := map[string]string{"root": "1\n", "ids": "0\n", "own": "0\n"}[as]
		p.wants("0\n0\n"+more, "fetched")
		p.wants("0\n0\n", "built")
		must(t, os.RemoveAll(p.Path(".lanyard")))
	})
}
