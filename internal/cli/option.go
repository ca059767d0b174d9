package cli

import "strings"

// option is one of lanyard's own options.
type option struct {
	long  string // without its dashes
	short string // one letter, "" for none
	value string // what its value is called in help, "" for a switch
	list  bool   // takes all words up to the next option
	help  string
}

// The options. They are plain data which the compiler lays out, so that they
// cost nothing when the program starts.
var (
	optFile       = option{long: "file", short: "f", value: "FILE", help: "use this project file; its folder is the project"}
	optUseEnv     = option{long: "use-env", short: "e", value: "NAME", help: "pass this variable on from here, empty if it is unset; may be repeated"}
	optEnviron    = option{long: "environ", short: "E", value: "NAME=VALUE", help: "set this variable; may be repeated"}
	optOutput     = option{long: "output", value: "FORMAT", help: "show a group's output as prefix (the child's name before each line), raw or json"}
	optTimestamps = option{long: "timestamps", help: "put the time before each line of a group's output"}
	optOnly       = option{long: "only", value: "NAME...", list: true, help: "start only these children of a group: names and tags, up to the next option, or with commas"}
	optExclude    = option{long: "exclude", value: "NAME...", list: true, help: "start all children but these; ignored beside --only"}
	optVersion    = option{long: "version", help: "print the version and exit"}
	optHelp       = option{long: "help", short: "h", help: "show help and exit"}
	optBuiltin    = option{long: "builtin", help: "list lanyard's own verbs too"}
	optJSON       = option{long: "json", help: "print one JSON array, hidden commands included"}
	optFindings   = option{long: "json", help: "print a JSON array of objects with name, status, why and fix"}
	optWritable   = option{long: "writable", help: "let the container's root be written to; the writes are thrown away at the end"}
	optNoBuild    = option{long: "no-build", help: "fetch and build nothing: an image that was not fetched, or a recipe that was not built, is an error"}
	optShow       = option{long: "progress", value: "MODE", help: "tell how far fetching and building are: as bars on a terminal, else lines (the default), or lines, json or quiet"}
	optForce      = option{long: "force", help: "build recipes again that are built already"}
	optQuiet      = option{long: "quiet", short: "q", help: "print errors only"}
	optProgress   = option{long: "json", help: "print the progress as JSON, an object a line, on standard error"}
	optItems      = option{long: "json", help: "print one JSON array"}
	optShort      = option{long: "short", help: "print the first 8 digits only"}
	optUnused     = option{long: "unused", help: "remove images and builds, too, that were not used for 10 days"}
	optAtLeast    = option{long: "at-least", value: "AGE", help: "with --unused: for so long, such as 10days, 36h, or 0 for all that does not run"}
	optDryRun     = option{long: "dry-run", help: "remove nothing, only say what would be removed"}
	optVolumes    = option{long: "volumes", help: "remove the persistent volumes of this project, too"}
	optWorkDir    = option{long: "work-dir", value: "DIR", help: "start in this folder: relative to the project, or absolute inside the container"}
)

// Where options may stand.
var (
	mainOptions    = []*option{&optFile, &optUseEnv, &optEnviron, &optOutput, &optTimestamps, &optOnly, &optExclude, &optNoBuild, &optShow, &optVersion, &optHelp}
	groupOptions   = []*option{&optOnly, &optExclude, &optUseEnv, &optEnviron, &optOutput, &optTimestamps, &optNoBuild, &optShow, &optHelp}
	commandOptions = []*option{&optUseEnv, &optEnviron, &optNoBuild, &optShow, &optHelp}
)

// String is how messages name the option: its long form.
func (o *option) String() string { return "--" + o.long }

// byName returns the option of known that word names, with its dashes but
// without a value; nil if there is none.
func byName(known []*option, word string) *option {
	for _, o := range known {
		if word == "--"+o.long || o.short != "" && word == "-"+o.short {
			return o
		}
	}
	return nil
}

// longNames are the long names of known with their dashes.
func longNames(known []*option) []string {
	names := make([]string, len(known))
	for i, o := range known {
		names[i] = "--" + o.long
	}
	return names
}

// isOption says whether word looks like an option. A lone dash is a word.
func isOption(word string) bool {
	return strings.HasPrefix(word, "-") && word != "-"
}
