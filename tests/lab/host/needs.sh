# What the lab needs on the host, checked before anything is built. Sourced by run.
# shellcheck shell=bash

packages=(qemu-system-x86 busybox-static gcc libc6-dev)
# To build a kernel.
own_kernel_packages=(flex bison bc make xz-utils libelf-dev)

install_needs() {
    local more=()
    if wants own && ! own_kernel_is_built; then more=("${own_kernel_packages[@]}"); fi
    apt-get update -q
    apt-get install -y -q --no-install-recommends "${packages[@]}" "${more[@]}"
}

# One list of everything that is missing, so that nobody has to run this five times.
check_needs() {
    local missing=() other=()
    command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
    # The guest has no libraries: a busybox that wants some would leave it without a shell.
    if ! busybox=$(command -v busybox) || ldd "$busybox" >/dev/null 2>&1; then missing+=(busybox-static); fi
    if ! command -v cc >/dev/null; then
        missing+=(gcc libc6-dev)
    elif [[ $(cc -print-file-name=libc.a) != /* ]]; then
        missing+=(libc6-dev)
    fi
    command -v cargo >/dev/null || other+=("cargo, with the target $target (see rustup.rs)")
    if command -v rustc >/dev/null && [[ ! -d $(rustc --print target-libdir --target "$target") ]]; then
        other+=("the Rust target: rustup target add $target")
    fi
    # The guest's kernels are Debian packages, and unpacked, never installed: an image, and a source.
    if wants debian && ! kernel_release >/dev/null || wants own && ! own_kernel_is_built; then
        for tool in apt-get apt-cache dpkg-deb; do
            command -v "$tool" >/dev/null || other+=("$tool, of a Debian 12 system, to fetch the guest's kernel")
        done
    fi
    if wants own && ! own_kernel_is_built; then
        for tool in flex bison bc make; do
            command -v "$tool" >/dev/null || missing+=("$tool")
        done
        command -v xz >/dev/null || missing+=(xz-utils)
        [[ -f /usr/include/libelf.h ]] || missing+=(libelf-dev)
    fi
    ((${#missing[@]} + ${#other[@]})) || return 0
    echo "The lab can't run: something that it needs is missing. To install it:" >&2
    ((${#missing[@]} == 0)) || echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
    ((${#other[@]} == 0)) || printf '  %s\n' "${other[@]}" >&2
    exit 1
}
