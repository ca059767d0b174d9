package plan

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse50 is a group of 50 children as people write them: the loader
// stands in the way of every start.
func BenchmarkParse50(b *testing.B) {
	var file strings.Builder
	file.WriteString("containers:\n  app:\n    rootfs: ./root\n    environ: {LANG: C.UTF-8, PORT: 8000}\n    limits: {memory: 512MiB, pids: 200}\ncommands:\n  all: !Supervise\n    description: Everything\n    children:\n")
	for i := range 50 {
		fmt.Fprintf(&file, "      service-%d: !Command\n        container: app\n        tags: [worker]\n        environ: {INDEX: %d}\n        run: [python, manage.py, worker, --queue, q%d]\n", i, i, i)
	}
	data := []byte(file.String())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("/p/lanyard.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
