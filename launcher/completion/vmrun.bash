# bash completion for vmrun(1), printed by `vmrun completion bash`
#
# `vmrun help --words` of the program on the command line prints the words, see vmrun(1).

_vmrun_program() { "${COMP_WORDS[0]/#\~/$HOME}" "$@" 2>/dev/null; }

_vmrun_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }

# Completes $2 to a value of type $1, an argument in the tables.
_vmrun_value()
{
	case $1 in
	FILE*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -X '!*.@(yaml|yml|json)' -- "$2"
			compgen -d -- "$2")
		;;
	NAME*) _vmrun_words "$(_vmrun_program list | sed '1d; s/ .*//')" "$2" ;;
	\[TEMPLATE*) _vmrun_words "$(_vmrun_program init | sed 's/ .*//')" "$2" ;;
	\[COMMAND*) _vmrun_words "$(_vmrun_program help --words | grep -v '^-' | cut -f 1)" "$2" ;;
	IF) _vmrun_words "$(ls /sys/class/net 2>/dev/null)" "$2" ;;
	KEY.PATH*)
		compopt -o nospace 2>/dev/null
		_vmrun_words "$(_vmrun_program help --words keys | cut -f 1)" "$2"
		;;
	*\|*) _vmrun_words "${1//|/ }" "$2" ;;
	esac
}

# Sets argument to the last column of the row of word $1 among the rows $2; fails if none matches.
_vmrun_row()
{
	local name

	while IFS=$'\t' read -r name _ argument; do
		[[ ${name%=} == "$1" ]] && return 0
	done <<< "$2"
	return 1
}

_vmrun_options()
{
	compopt -o nospace 2>/dev/null
	_vmrun_words "$(_vmrun_program help --words "$1" | cut -f 1 | grep '^--')" "$2"
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *= ]]; then
		compopt +o nospace 2>/dev/null
	fi
}

_vmrun()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local rows command='' operands='' argument='' index

	shopt -q extglob || shopt -s extglob
	# Readline splits words at '=': --format=json is three words.
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	rows=$(_vmrun_program help --words)
	for ((index = 1; index < COMP_CWORD; index++)); do
		if [[ ${COMP_WORDS[index]} != -* ]] && _vmrun_row "${COMP_WORDS[index]}" "$rows"; then
			command=${COMP_WORDS[index]} operands=$argument
			break
		fi
	done
	if [[ $prev == -* ]] && _vmrun_row "$prev" "$rows" && [[ -n $argument ]]; then
		_vmrun_value "$argument" "$cur"
	elif [[ $cur == -* ]]; then
		_vmrun_options "${command:-run}" "$cur"
	elif [[ -n $command ]]; then
		_vmrun_value "$operands" "$cur"
	else
		_vmrun_value FILE "$cur"
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W \
			"$(grep -v '^-' <<< "$rows" | cut -f 1)" -- "$cur")
	fi
}
complete -F _vmrun vmrun
