#compdef lanyard
# zsh completion for lanyard; source it after compinit, or save it as _lanyard in a folder of fpath
_lanyard() {
    local line files=
    local -a offers
    for line in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        case $line in
            :files) files=yes ;;
            ?*) offers+=("${line/$'\t'/:}") ;;
        esac
    done
    if [[ -n $files ]]; then
        compset -P '--*='
        _files
    else
        _describe -V word offers
    fi
}
if [[ ${funcstack[1]} == _lanyard ]]; then
    _lanyard "$@"
else
    compdef _lanyard lanyard
fi
