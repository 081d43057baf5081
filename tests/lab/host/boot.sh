# One boot of the guest and what came out of it. Sourced by run.
# shellcheck shell=bash disable=SC2154

boot_limit=300 # seconds, for a busy host too; a scenario has its own, shorter limit inside the guest

# The machine. Two edu devices whose slots differ by four share one interrupt line. The test device is one that isn't an edu.
# The second disk's controller has two message vectors. Three others are not for the example nvme: one without a disk, one whose
# sectors have metadata, one with a single pair of I/O queues.
# The network card's peer is QEMU itself, which answers ARP and ICMP as 10.0.2.2.
# The two edu devices behind a conventional PCI bridge can't be told apart by the IOMMU: they are one VFIO group.
# The kernel can reset a device that is alone behind its bridge, and an edu in no other place.
# shellcheck disable=SC2054 # the commas are QEMU's
machine=(
    -accel tcg # also where /dev/kvm exists: nested virtualisation that answers may still boot nothing
    -machine q35 -device intel-iommu,intremap=on -m 256 -smp 2
    -nodefaults -no-user-config -display none -no-reboot
    -device edu,addr=4 -device edu,addr=8
    -device pci-testdev,addr=5
    -device pcie-pci-bridge,id=bridge,addr=6 -device edu,bus=bridge,addr=1 -device edu,bus=bridge,addr=2
    -drive "file=$out/disk.img,if=none,format=raw,id=disk" -device nvme,serial=disk,drive=disk,addr=7
    -drive "file=$out/few.img,if=none,format=raw,id=few" -device nvme,serial=few,drive=few,addr=9,msix_qsize=2
    -device pcie-pci-bridge,id=lone,addr=a -device edu,bus=lone,addr=1
    -device nvme,serial=empty,addr=b
    -device nvme,id=marked,serial=marked,addr=c -blockdev null-co,node-name=marked,size=4194304 -device nvme-ns,bus=marked,drive=marked,ms=8,mset=1
    -blockdev null-co,node-name=narrow,size=4194304 -device nvme,serial=narrow,drive=narrow,addr=d,max_ioqpairs=1
    -netdev user,id=net -device e1000e,netdev=net,addr=e
)

# For one scenario, a kernel whose sets of processors are longer than the 1,024 that C libraries have room for. It takes memory for each.
many=(-m 1500) many_kernel=possible_cpus=1100

# run_boot NAME KERNEL SCENARIO...: adds to passed and failed.
run_boot() {
    local boot=$1 console=$out/$1.console.log report=$out/$1.report.log started=$SECONDS status=0 name verdict image
    case $2 in
        debian) image=$cache/tree/boot/vmlinuz-$release ;;
        own) image=$cache/own/bzImage ;;
    esac
    echo "lab: boot '$boot' on the kernel '$2' (${*:3})"
    shift 2
    local more=() more_kernel=
    if [[ " $* " == *" many-processors "* ]]; then more=("${many[@]}") more_kernel=$many_kernel; fi
    local limit=$boot_limit
    if [[ " $* " == *-million* ]]; then limit=$((3 * boot_limit)); fi
    rm -f "$console" "$report" "$out/disk.img" "$out/few.img"
    truncate -s 64M "$out/disk.img"
    truncate -s 4M "$out/few.img"
    # A kernel that checks its timer gives up where the host is too busy to run it in time.
    # The kernel writes to one serial line and the scenarios to the other, so that no message falls into another's line.
    timeout "$limit" qemu-system-x86_64 "${machine[@]}" "${more[@]}" \
        -serial "file:$console" -serial "file:$report" \
        -kernel "$image" -initrd "$out/initrd.cpio" \
        -append "console=ttyS0 panic=-1 oops=panic quiet no_timer_check intel_iommu=on $more_kernel lab.scenarios=$(IFS=,; echo "$*")" </dev/null || status=$?
    touch "$report"
    for name in "$@"; do
        if verdict=$(grep -m1 "^PASS $name: " "$report"); then
            passed=$((passed + 1))
            echo "  $verdict"
        else
            failed=$((failed + 1))
            # A failure's evidence follows its line, indented.
            sed -n "/^FAIL $name: /,/^[^ ]/{/^FAIL $name: /p;/^ /p}" "$report" | sed 's/^/  /' | grep . ||
                echo "  FAIL $name: no verdict; the guest hung or died (QEMU ended with status $status, 124 = after $limit s); see $console"
        fi
    done
    echo "  ($((SECONDS - started)) s; logs: $console, $report)"
}
