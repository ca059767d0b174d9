package cli

import "slices"

// verb is one of lanyard's own commands.
type verb struct {
	name    string // as it always works; those with an underscore also answer without it
	args    string // what follows it in the usage line
	about   string // one line
	text    string // paragraphs of its help
	example string
	options []*option
	least   int  // words it needs
	most    int  // words it takes, -1 for any number
	foreign bool // the words after the first belong to another program
	run     func(a *app, s settings, words []string) int
	words   func(a *app, args []string) int // instead of run: it reads all words itself
}

// verbs are all of them in the order of the help. A function and not a
// variable: help and completion, which are verbs, read it.
func verbs() []*verb {
	return []*verb{
		{
			name: "_list", about: "List the commands of this project",
			text:    "Prints what lanyard without arguments prints: the commands of the project file with their aliases and descriptions. Commands whose names begin with an underscore are hidden.",
			example: "lanyard _list\nlanyard _list --json | jq -r '.[].name'",
			options: []*option{&optBuiltin, &optJSON, &optFile, &optHelp},
			run:     (*app).list,
		},
		{
			name: "_run", args: "CONTAINER COMMAND [ARGUMENT...]", about: "Run any program in one of the project's containers",
			text:    "Starts COMMAND in CONTAINER, with this terminal and from the folder you are in. Every word after CONTAINER belongs to COMMAND, -h too. The exit code is COMMAND's own.",
			example: "lanyard _run python bash\nlanyard _run --writable python pip list",
			options: []*option{&optWritable, &optWorkDir, &optUseEnv, &optEnviron, &optNoBuild, &optFile, &optHelp},
			least:   2, most: -1, foreign: true, run: (*app).runIn,
		},
		{
			name: "_check", about: "Check the project file and show what would run",
			text:    "Reads the whole project file, prints every mistake with its line and column, and starts nothing. When there is none it prints what each command would run: the children, their containers, roots, volumes and limits. Words that are known but don't work in this version are warnings on standard error. The exit code is 0, or 126 after a mistake.",
			example: "lanyard _check\nlanyard _check -f staging.yaml",
			options: []*option{&optFile, &optHelp},
			run:     (*app).check,
		},
		{
			name: "_doctor", about: "Find out what this machine lets you do",
			text:    "Tries everything that containers need, as the user you are, and prints for each whether it works: yes, partly or no, why, and the command that allows what does not. Nothing is changed and nothing stays. The exit code is 0, or 1 if containers can't be started at all.",
			example: "lanyard _doctor\nlanyard _doctor --json | jq -r '.[] | select(.status != \"yes\") | .fix'",
			options: []*option{&optFindings, &optFile, &optHelp},
			run:     (*app).doctor,
		},
		{
			name: "_build", args: "[CONTAINER...]", about: "Fetch and build what containers are made of",
			text:    "Makes the roots of these containers, or of all in the project file that have an image or a recipe, so that the first start does not have to. What is there stays as it is, unless --force says to build it again. It ends at the first that can't be made, with exit code 127; the log of a failed recipe is in the file that the message names.",
			example: "lanyard _build\nlanyard _build --force python",
			options: []*option{&optForce, &optQuiet, &optProgress, &optFile, &optHelp},
			most:    -1, run: (*app).build,
		},
		{
			name: "_pull", args: "[CONTAINER...]", about: "Fetch images again whose names may stand for newer ones",
			text:    "Asks the registries what the images of these containers, or of all in the project file, stand for now, and fetches what is new. A recipe that starts from a new image is built anew when it is needed next. Without this an image is fetched once and kept.",
			example: "lanyard _pull\nlanyard _pull db",
			options: []*option{&optQuiet, &optProgress, &optFile, &optHelp},
			most:    -1, run: (*app).pull,
		},
		{
			name: "_images", about: "List the images and builds that are kept",
			text:    "Lists what was fetched and built, of all projects, with sizes and when it was last used. Images share layers, so their sizes do not add up; a build's size is without what it starts from.",
			example: "lanyard _images\nlanyard _images --json | jq -r '.[].name'",
			options: []*option{&optItems, &optHelp},
			run:     (*app).images,
		},
		{
			name: "_clean", about: "Remove what images and builds no longer need",
			text:    "Removes layers that no image or build needs, unfinished downloads, and logs of failed builds, of all projects. With --unused also images and builds that were not used for 10 days, or for what --at-least says. With --volumes also the persistent volumes of this project, with all that is in them. What runs, and what it lies on, stays.",
			example: "lanyard _clean --unused --dry-run\nlanyard _clean --unused --at-least 0\nlanyard _clean --volumes",
			options: []*option{&optUnused, &optAtLeast, &optVolumes, &optDryRun, &optFile, &optHelp},
			run:     (*app).clean,
		},
		{
			name: "_version_hash", args: "CONTAINER", about: "Print the version of a container's recipe",
			text:    "Prints the hash of all steps and of the files that they name, 64 hex digits; of an image the hash of its name. Another hash is another build. Nothing is fetched or built.",
			example: "lanyard _version_hash python",
			options: []*option{&optShort, &optFile, &optHelp},
			least:   1, most: 1, run: (*app).versionHash,
		},
		superviseVerb(),
		ctlVerb(),
		{
			name: "help", args: "[COMMAND]", about: "Show help for lanyard, a verb, or a command of the project",
			text:    "Without COMMAND it explains lanyard itself. With one it tells what that command runs and which options it takes: also for commands that keep --help for themselves.",
			example: "lanyard help\nlanyard help _run\nlanyard help COMMAND",
			options: []*option{&optFile, &optHelp},
			most:    1, run: (*app).help,
		},
		{
			name: "completion", args: "bash|zsh|fish", about: "Print a script that makes your shell complete lanyard's words",
			text:    "The script knows commands, aliases, verbs and options, the children and tags after --only and --exclude, and the containers after _run, _build, _pull and _version_hash. It asks lanyard each time, so it never gets old.",
			example: "# bash: add to ~/.bashrc\nsource <(lanyard completion bash)\n# zsh: add to ~/.zshrc, after compinit\nsource <(lanyard completion zsh)\n# fish\nlanyard completion fish > ~/.config/fish/completions/lanyard.fish",
			options: []*option{&optHelp},
			least:   1, most: 1, run: (*app).completion,
		},
	}
}

// verbNamed returns the verb with exactly this name, nil if there is none.
func verbNamed(name string) *verb {
	all := verbs()
	if i := slices.IndexFunc(all, func(v *verb) bool { return v.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// verbFor returns the verb that word names with or without its underscore.
func verbFor(word string) *verb {
	if v := verbNamed(word); v != nil {
		return v
	}
	return verbNamed("_" + word)
}

// usage is how the verb is written.
func (v *verb) usage() string {
	line := "lanyard " + v.name + " [OPTION...]"
	if v.args != "" {
		line += " " + v.args
	}
	return line
}

// read splits the words after the verb into options and the others.
func (v *verb) read(args []string) ([]given, []string, error) {
	if !v.foreign {
		return scanAll(v.options, args)
	}
	s, err := scan(v.options, args)
	if err == nil {
		err = s.check()
	}
	return s.given, s.rest, err
}

// count reports too few or too many words.
func (v *verb) count(words []string) error {
	switch {
	case len(words) < v.least && len(words) > 0:
		return usagef("%s %s: what should run there? Name a program, for example sh", v.name, words[0])
	case len(words) < v.least:
		return usagef("%s needs %s", v.name, v.args)
	case v.most >= 0 && len(words) > v.most:
		return usagef("%s: %q is one word too many", v.name, words[v.most])
	}
	return nil
}
