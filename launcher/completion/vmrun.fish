# fish completion for vmrun(1), printed by `vmrun completion fish`
#
# `vmrun help --words` of the program on the command line prints the words, see vmrun(1).

function __vmrun_program
    set -l program (string replace -r '^~/' $HOME/ -- (commandline -opc)[1])
    $program $argv 2>/dev/null
end

# Prints the values of type $argument, an argument in the tables, each after $prefix.
function __vmrun_values -a argument prefix
    switch $argument
        case 'FILE*'
            __fish_complete_suffix .yaml | string match -r '^.*(?:/|\.ya?ml|\.json)(?:\t.*)?$'
        case 'NAME*'
            __vmrun_program list | sed '1d; s/ .*//'
        case '[TEMPLATE*'
            __vmrun_program init | sed 's/ .*//'
        case '[COMMAND*'
            __vmrun_program help --words | string match -v -- '-*' | string split -f 1 \t
        case IF
            printf $prefix%s\n (command ls /sys/class/net 2>/dev/null)
        case 'KEY.PATH*'
            printf $prefix%s\n (__vmrun_program help --words keys | string split -f 1 \t)
        case '*|*'
            printf $prefix%s\n (string split '|' -- $argument)
    end
end

# Prints the argument of option $name among the rows.
function __vmrun_argument -a name
    test -n "$name"; and string match -rq -- '^-' $name; or return
    for row in $argv[2..-1]
        set -l columns (string split \t -- $row)
        contains -- $columns[1] $name $name=; and echo $columns[3]
    end
end

# Prints the first word of the command line that is a command.
function __vmrun_command
    for word in (string match -v -- '-*' (commandline -opc)[2..-1])
        contains -- $word (string split -f 1 \t -- $argv); and echo $word; and return
    end
end

function __vmrun_complete
    set -l current (commandline -ct)
    set -l rows (__vmrun_program help --words)
    set -l command (__vmrun_command $rows)
    set -l option (string match -r -- '^(?:--[^=]*=|-[^-])' $current)
    set -l before (__vmrun_argument (commandline -opc)[-1] $rows)
    set -l within (__vmrun_argument (string trim -rc = -- $option) $rows)
    if test -n "$before"
        __vmrun_values $before ''
    else if test -n "$within"
        __vmrun_values $within $option
    else if string match -q -- '-*' $current
        set -q command[1]; or set command run
        __vmrun_program help --words $command | string replace -r '\t[^\t]*$' ''
    else if set -q command[1]
        __vmrun_values (string match -r -- "^$command\t.*\t(.*)" $rows)[2] ''
    else
        __vmrun_values FILE ''
        string match -v -- '-*' $rows | string replace -r '\t[^\t]*$' ''
    end
end

complete -c vmrun -f -a '(__vmrun_complete)'
