module github.com/lanyard-dev/lanyard

go 1.26.0

require (
	github.com/opencontainers/cgroups v0.1.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/cobra v1.10.2
	go.yaml.in/yaml/v4 v4.0.0
	golang.org/x/sys v0.49.0
)
