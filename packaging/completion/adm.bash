
# ipvsadm's language: the program itself says what may stand behind the words before, services and servers of the director included.
_svs_adm() {
    local cur words cword
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : cur words cword
    else
        words=("${COMP_WORDS[@]}") cword=${COMP_CWORD} cur=${COMP_WORDS[COMP_CWORD]}
    fi
    COMPREPLY=($(compgen -W "$("${words[0]}" complete "${words[@]:2:cword-2}" 2>/dev/null)" -- "${cur}"))
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "${cur}"; fi
}
