# bash completion for lanyard; needs bash 4, and no package bash-completion
_lanyard() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o default
        else
            COMPREPLY+=("$line")
        fi
    done < <("$1" __complete_bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -F _lanyard lanyard
