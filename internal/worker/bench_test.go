package worker_test

import "testing"

// BenchmarkWorker is what a worker process costs that has next to nothing to do.
func BenchmarkWorker(b *testing.B) {
	for _, kind := range kinds() {
		b.Run(kind, func(b *testing.B) {
			w, err := mapped(kind)
			if err != nil {
				b.Skip(err)
			}
			dir := b.TempDir()
			for b.Loop() {
				if _, _, err := w.Measure(ctx, dir); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
