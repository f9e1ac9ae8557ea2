#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The page that a browser on the network sees: who answers, where, and since when.
name=$(hostname)
address=$(cat /run/address)
read -r up _ </proc/uptime
up=${up%.*}
# An IPv4 visitor is written ::ffff:192.0.2.1 in brackets.
visitor=${REMOTE_ADDR#\[}
visitor=${visitor#::ffff:}

printf 'Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n'
cat <<EOF
<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name</title>
<style>
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; }
body { max-width: 30rem; margin: 15vh auto 0; padding: 0 1.5rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.5rem; }
dt { opacity: .6; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>$name</h1>
<p>A virtual machine, and a full member of this network.</p>
<dl>
<dt>Hostname</dt><dd>$name</dd>
<dt>Address</dt><dd>${address%/*}</dd>
<dt>You are</dt><dd>${visitor%]}</dd>
<dt>Uptime</dt><dd>$((up / 60)) min $((up % 60)) s</dd>
</dl>
</body>
</html>
EOF
