// Package plan turns a project file (lanyard.yaml or vagga.yaml) into a Plan:
// validated, complete and immutable. It starts nothing and looks at nothing
// but the file and the user's settings; every mistake of a file is reported in
// one go, each with file, line and column.
//
// plan imports no other room of the house.
package plan
