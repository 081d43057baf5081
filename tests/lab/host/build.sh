# The guest's programs and its initial file system. Sourced by run.
# shellcheck shell=bash disable=SC2154

target=x86_64-unknown-linux-gnu

build_programs() {
    echo "lab: building the guest's programs"
    # A target directory of their own: other flags in the common one would rebuild everything at each change of hands.
    (cd "$repo" && RUSTFLAGS='-C target-feature=+crt-static' CARGO_TARGET_DIR=$out/cargo \
        cargo build --quiet --release --target "$target" --package interrupt-lock --package interrupt-lock-tests \
        --features interrupt-lock/gpio --example edu --example nvme --example e1000e --example button --example encoder --example lab_card --example lab_guest --example lab_nvme)
    # Once more with the calls of the system that a test can have refused.
    (cd "$repo" && RUSTFLAGS='-C target-feature=+crt-static --cfg refused_calls' CARGO_TARGET_DIR=$out/cargo-refused \
        cargo build --quiet --release --target "$target" --package interrupt-lock-tests --example lab_guest)
}

build_initramfs() {
    local root=$out/root name file
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,modules,lab}
    cp "$busybox" "$root/bin/busybox"
    cp "$out/cargo/$target/release/examples/"{edu,nvme,e1000e,button,encoder,lab_card,lab_guest,lab_nvme} "$root/bin/"
    cp "$out/cargo-refused/$target/release/examples/lab_guest" "$root/bin/lab_refused"
    cp -r "$lab/guest/." "$root/lab/"
    cp "$lab/guest/init" "$root/init"
    # Under the release of the kernel that loads them: the other has none.
    if wants debian; then
        mkdir "$root/modules/$release"
        for name in "${modules[@]}"; do
            file=$(find "$cache/tree/lib/modules/$release" -name "$name.ko" -print -quit)
            [[ $file ]] || { echo "lab: the kernel $release has no module $name" >&2; exit 1; }
            cp "$file" "$root/modules/$release/"
        done
        printf '%s\n' "${modules[@]}" >"$root/modules/$release/order"
    fi
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$out/initrd.cpio"
}
