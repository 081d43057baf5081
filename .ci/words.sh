# The words that .ci/run and .ci/machines are written in.

step() {
    printf '\n== %s (%s s)\n' "$1" "$SECONDS"
}

# Commands and files that are missing are installed, with the Debian package that has each.
need() {
    local missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] || missing+=("${pair##*=}")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"
    fi
}
