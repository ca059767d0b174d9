package linux

// Packages are the commands that install something, by what the distribution
// calls it.
func Packages(debian, fedora, arch, alpine, suse string) string {
	return "sudo apt-get install " + debian + " (Debian, Ubuntu), sudo dnf install " + fedora + " (Fedora), sudo pacman -S " + arch +
		" (Arch), sudo apk add " + alpine + " (Alpine), sudo zypper install " + suse + " (openSUSE)"
}

// Remount is the command that sets an option of the filesystem that path is on.
func Remount(option, path string) string {
	return "sudo mount -o remount," + option + " $(findmnt -no TARGET -T " + ShellQuote(path) + ")"
}
