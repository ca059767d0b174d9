package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
)

func gzipped(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data)
	_ = w.Close()
	return out.Bytes()
}

func zstdPacked(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// noise is data that compresses badly, the same every time.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return string(out)
}

// TestCompression: what layers come in, and the digest of all that is inside,
// what follows the tar's end too.
func TestCompression(t *testing.T) {
	data := layer(t, words("a="+noise(3<<20), "b=2")...)
	data = append(data, bytes.Repeat([]byte{0}, 3000)...)
	data = append(data, "and a tail"...)
	half := len(data) / 2
	skip := []byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, in := range map[string][]byte{
		"plain":         data,
		"gzip":          gzipped(data),
		"gzip members":  join(gzipped(data[:half]), gzipped(nil), gzipped(data[half:])),
		"zstd":          zstdPacked(t, data),
		"zstd frames":   join(zstdPacked(t, data[:half]), zstdPacked(t, data[half:])),
		"zstd skipping": join(skip, zstdPacked(t, data), skip),
	} {
		var progress int64
		o := mine(unpack.Options{Progress: func(n int64) { progress = n }})
		dir, r := applied(t, in, o)
		if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); r.DiffID != want {
			t.Errorf("%s: digest %s, want %s", name, r.DiffID, want)
		}
		if got := names(t, dir); len(got) != 2 || got[1] != "b=2" {
			t.Errorf("%s: made %.100q", name, got)
		}
		if r.Compressed != int64(len(in)) || progress != r.Compressed {
			t.Errorf("%s: %d bytes were read, %d told, of %d", name, r.Compressed, progress, len(in))
		}
	}
	if _, r := applied(t, nil, mine(unpack.Options{})); r.Files != 0 || r.DiffID != fmt.Sprintf("sha256:%x", sha256.Sum256(nil)) {
		t.Errorf("an empty stream made %+v", r)
	}
}

func TestDamage(t *testing.T) {
	data := layer(t, words("a="+noise(100000), "b=2", "c="+noise(5000))...)
	gz, zs := gzipped(data), zstdPacked(t, data)
	with := func(data []byte, at int, value byte) []byte {
		data = bytes.Clone(data)
		data[(at+len(data))%len(data)] = value
		return data
	}
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"tar cut in a file":   {data[:50000], "the layer is truncated: it ends in the middle"},
		"tar cut in a header": {data[:len(data)-1024-600], "the layer is truncated: it ends in the middle"},
		"gzip cut":            {gz[:len(gz)/2], "the layer is truncated: it ends in the middle"},
		"gzip without sum":    {gz[:len(gz)-8], "the layer is truncated: it ends in the middle"},
		"gzip header only":    {gz[:5], "the layer is truncated: it ends in the middle"},
		"gzip wrong sum":      {with(gz, -6, gz[len(gz)-6]^1), "its gzip checksum is wrong"},
		"gzip and more":       {append(bytes.Clone(gz), "some garbage"...), "something that is not gzip follows"},
		"zstd cut":            {zs[:len(zs)/2], "the layer is truncated: it ends in the middle"},
		"zstd wrong sum":      {with(zs, -2, zs[len(zs)-2]^1), "the layer is damaged: "},
		"zstd and more":       {append(bytes.Clone(zs), "garbage"...), "the layer is damaged: "},
		"xz":                  {[]byte("\xfd7zXZ\x00\x00\x04rest"), "the layer is compressed with xz"},
		"bzip2":               {[]byte("BZh91AY"), "the layer is compressed with bzip2"},
		"text":                {bytes.Repeat([]byte("no tar at all "), 100), "the layer is not a tar stream, or is damaged, at its beginning"},
		"damaged header":      {with(data, len(data)-1024-5120-500, 'x'), "the layer is not a tar stream, or is damaged, after the entry b"},
	} {
		_, err := apply(t, t.TempDir(), c.in, mine(unpack.Options{}))
		var bad *unpack.LayerError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for cut := 1; cut < len(gz); cut += len(gz)/50 + 1 {
		if _, err := apply(t, t.TempDir(), gz[:cut], mine(unpack.Options{})); err == nil {
			t.Errorf("gzip cut at %d passed", cut)
		}
	}
}

// TestReaderFails: an error of the layer's reader comes back, whatever the
// decompressor makes of it, and no goroutine stays.
func TestReaderFails(t *testing.T) {
	broken := errors.New("connection reset")
	data := layer(t, words("a="+noise(100000))...)
	before := runtime.NumGoroutine()
	for _, in := range [][]byte{data, gzipped(data), zstdPacked(t, data)} {
		for _, at := range []int{0, 3, 60000} {
			dir, err := os.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			_, err = unpack.Apply(context.Background(), dir, io.MultiReader(bytes.NewReader(in[:at]), iotest.ErrReader(broken)), mine(unpack.Options{}))
			dir.Close()
			if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "cannot read the layer: ") {
				t.Errorf("after %d bytes: %v", at, err)
			}
		}
	}
	if !testkit.Until(5*time.Second, func() bool { return runtime.NumGoroutine() <= before }) {
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
}

// endless gives a tar stream of one file that never ends.
type endless struct {
	head []byte
	read func()
}

// Read reads on.
func (e *endless) Read(p []byte) (int, error) {
	e.read()
	n := copy(p, e.head)
	e.head = e.head[n:]
	clear(p[n:])
	return len(p), nil
}

func endlessFile(t *testing.T, read func()) *endless {
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "f", Size: 1 << 50, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	return &endless{head: out.Bytes(), read: read}
}

func TestCancel(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var reads atomic.Int64
	_, err = unpack.Apply(ctx, dir, endlessFile(t, func() {
		if reads.Add(1) == 20 {
			cancel()
		}
	}), mine(unpack.Options{}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// One large hole takes nothing from the stream.
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = unpack.Apply(ctx, dir, bytes.NewReader(hugeHole(t, 8<<40)), mine(unpack.Options{}))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
