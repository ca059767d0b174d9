package stage_test

import (
	"testing"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, cli.Main) }
