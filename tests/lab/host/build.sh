# The guest's kernel, its programs and its initial file system. Sourced by run.
# shellcheck shell=bash disable=SC2154

target=x86_64-unknown-linux-gnu

# In load order: each needs those before it.
modules=(uio uio_pci_generic irqbypass vfio_virqfd vfio vfio_iommu_type1 vfio-pci-core vfio-pci)

# The release of the kernel in the cache; fails when there is none.
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
    if [[ -z $package ]] || ! download_kernel "$package"; then
        apt-get update -q
        package=$(newest_kernel_package) || { echo "lab: no linux-image-6.1.0-*-cloud-amd64 in the package lists (Debian 12 has it)" >&2; exit 1; }
        download_kernel "$package"
    fi
    # Unpacked beside and renamed, so that a run broken off here leaves no half kernel behind.
    rm -rf "$cache/tree" "$cache/unpacking"
    dpkg-deb -x "$cache"/linux-image-*.deb "$cache/unpacking"
    mv "$cache/unpacking" "$cache/tree"
    rm -f "$cache"/linux-image-*.deb
    release=$(kernel_release)
}

download_kernel() {
    echo "lab: downloading $1"
    (cd "$cache" && rm -f linux-image-*.deb && apt-get -q -o APT::Sandbox::User=root download "$1") # else root is warned about the folder
}

build_programs() {
    echo "lab: building the guest's programs"
    # A target directory of their own: other flags in the common one would rebuild everything at each change of hands.
    (cd "$repo" && RUSTFLAGS='-C target-feature=+crt-static' CARGO_TARGET_DIR=$out/cargo \
        cargo build --quiet --release --target "$target" --package interrupt-lock --package interrupt-lock-tests \
        --example edu --example nvme --example e1000e --example lab_guest --example lab_card)
    # Once more with the calls of the system that a test can have refused.
    (cd "$repo" && RUSTFLAGS='-C target-feature=+crt-static --cfg refused_calls' CARGO_TARGET_DIR=$out/cargo-refused \
        cargo build --quiet --release --target "$target" --package interrupt-lock-tests --example lab_guest)
}

build_initramfs() {
    local root=$out/root name file
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,modules,lab}
    cp "$busybox" "$root/bin/busybox"
    cp "$out/cargo/$target/release/examples/"{edu,nvme,e1000e,lab_guest,lab_card} "$root/bin/"
    cp "$out/cargo-refused/$target/release/examples/lab_guest" "$root/bin/lab_refused"
    cp -r "$lab/guest/." "$root/lab/"
    cp "$lab/guest/init" "$root/init"
    for name in "${modules[@]}"; do
        file=$(find "$cache/tree/lib/modules/$release" -name "$name.ko" -print -quit)
        [[ $file ]] || { echo "lab: the kernel $release has no module $name" >&2; exit 1; }
        cp "$file" "$root/modules/"
    done
    printf '%s\n' "${modules[@]}" >"$root/modules/order"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$out/initrd.cpio"
}
