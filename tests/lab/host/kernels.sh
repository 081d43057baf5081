# The guest's kernels: Debian's, downloaded, and the lab's own, built from Debian's source. Sourced by run.
# shellcheck shell=bash disable=SC2154

# In load order: each needs those before it. The own kernel has no modules.
modules=(uio uio_pci_generic irqbypass vfio_virqfd vfio vfio_iommu_type1 vfio-pci-core vfio-pci)

source_package=linux-source-6.12

# The release of Debian's kernel in the cache; fails when there is none.
kernel_release() {
    local image
    for image in "$cache"/tree/boot/vmlinuz-*; do
        [[ -f $image ]] || return 1
        echo "${image##*/vmlinuz-}"
    done | sort -V | tail -1 | grep .
}

newest_kernel_package() {
    apt-cache pkgnames linux-image-6.1.0- | grep -E '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$' | sort -V | tail -1
}

fetch_kernel() {
    if release=$(kernel_release); then return 0; fi
    local package
    package=$(newest_kernel_package || true)
    # Empty package lists (a fresh container), or an old list whose package is no longer there.
    if [[ -z $package ]] || ! download "$package"; then
        apt-get update -q
        package=$(newest_kernel_package) || { echo "lab: no linux-image-6.1.0-*-cloud-amd64 in the package lists (Debian 12 has it)" >&2; exit 1; }
        download "$package"
    fi
    # Unpacked beside and renamed, so that a run broken off here leaves no half kernel behind.
    rm -rf "$cache/tree" "$cache/unpacking"
    dpkg-deb -x "$cache"/linux-image-*.deb "$cache/unpacking"
    mv "$cache/unpacking" "$cache/tree"
    rm -f "$cache"/linux-image-*.deb
    release=$(kernel_release)
}

# Whether the own kernel is in the cache, built with the options that it has now.
own_kernel_is_built() { [[ -f $cache/own/bzImage ]] && cmp -s "$lab/kernel.config" "$cache/own/config"; }

build_own_kernel() {
    if own_kernel_is_built; then return 0; fi
    local tree=$cache/building log=$out/own-kernel.log started=$SECONDS
    if ! download $source_package; then
        apt-get update -q
        download $source_package || { echo "lab: no $source_package in the package lists (Debian 12 has it)" >&2; exit 1; }
    fi
    echo "lab: building the own kernel (about 10 minutes of processor time, once; log: $log)"
    rm -rf "$tree"
    mkdir "$tree"
    # Without what is large and not compiled.
    dpkg-deb --fsys-tarfile "$cache/$source_package"_*.deb | tar -xO --wildcards "./usr/src/$source_package.tar.*" |
        tar -xJ -C "$tree" --strip-components=1 --exclude='*/drivers/gpu/drm/amd/include' --exclude='*/tools/testing/selftests'
    (cd "$tree" && make tinyconfig && scripts/kconfig/merge_config.sh -m .config "$lab/kernel.config" && make olddefconfig &&
        make -j"$(nproc)" bzImage) >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; echo "lab: the own kernel can't be built; see $log" >&2; exit 1; }
    # Renamed when it is whole, as the other kernel is.
    rm -rf "$cache/own" "$cache/built"
    mkdir "$cache/built"
    cp "$tree/arch/x86/boot/bzImage" "$cache/built/bzImage"
    cp "$lab/kernel.config" "$cache/built/config"
    mv "$cache/built" "$cache/own"
    rm -rf "$tree" "$cache/$source_package"_*.deb
    echo "lab: built the own kernel in $((SECONDS - started)) s"
}

# download PACKAGE: into the cache, and no other version of it stays there.
download() {
    echo "lab: downloading $1"
    (cd "$cache" && rm -f "$1"_*.deb && apt-get -q -o APT::Sandbox::User=root download "$1") # else root is warned about the folder
}
