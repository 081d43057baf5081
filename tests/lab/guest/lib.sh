# The words that scenarios are written in. Sourced by start; the shell is busybox's.
# shellcheck shell=dash disable=SC2034 # scenarios use the variables

# The machine's devices (host/boot.sh).
FIRST=0000:00:04.0      # an edu device
SECOND=0000:00:08.0     # an edu device on the same interrupt line
STRANGER=0000:00:05.0   # not an edu device
BRIDGED=0000:01:01.0    # an edu device ...
NEIGHBOUR=0000:01:02.0  # ... and the one in its VFIO group
DISK=0000:00:07.0       # an NVMe controller
FEW=0000:00:09.0        # one with two message vectors
EMPTY=0000:00:0b.0      # one without a disk
MARKED=0000:00:0c.0     # one whose sectors have metadata
NARROW=0000:00:0d.0     # one with a single pair of I/O queues
CARD=0000:00:0e.0       # a network card
LONE=0000:02:01.0       # an edu device that the kernel can reset
GPIO=/sys/kernel/config/gpio-sim/lab # a GPIO chip, once it is made

# The two ways for a scenario to end.
pass() { echo "$*" >/tmp/run/figures; exit 0; }
fail() {
    [ -s /tmp/run/why ] || echo "$*" >/tmp/run/why # the first reason is the reason
    # Now, because unbinding takes the lines away.
    grep -E 'uio|vfio' /proc/interrupts
    exit 1
}

device() { echo "/sys/bus/pci/devices/$1"; }

# bind DEVICE DRIVER: give the device to the driver and to no other.
bind() {
    release "$1"
    echo "$2" >"$(device "$1")/driver_override"
    echo "$1" >/sys/bus/pci/drivers_probe
    [ "$(basename "$(readlink "$(device "$1")/driver")")" = "$2" ] || fail "$1 could not be bound to $2"
}

# In the background and not for ever: it blocks as long as a program keeps a VFIO device.
release() {
    if [ -e "$(device "$1")/driver" ]; then
        ( echo "$1" >"$(device "$1")/driver/unbind" ) &
        within 10 ended $! || fail "unbinding $1 hangs"
    fi
}

# What every scenario ends with: no program of ours runs, no device is bound.
clean_up() {
    for process in $(pidof edu nvme e1000e button encoder lab_card lab_guest lab_nvme lab_refused); do
        echo "left behind: $process $(tr '\0' ' ' <"/proc/$process/cmdline"), waiting in $(cat "/proc/$process/wchan")"
        kill -9 "$process"
    done
    for each in $FIRST $SECOND $STRANGER $BRIDGED $NEIGHBOUR $DISK $FEW $EMPTY $MARKED $NARROW $CARD $LONE; do release "$each"; done
    if [ -d "$GPIO" ]; then
        echo 0 >"$GPIO/live"
        rmdir "$GPIO/bank/line3" "$GPIO/bank" "$GPIO"
    fi
}

# make_gpio_chip: one that the kernel simulates (the own kernel can), with 8 lines, the fourth of which has a name. Its file is $chip.
make_gpio_chip() {
    [ -d /sys/kernel/config/gpio-sim ] || mount -t configfs none /sys/kernel/config || fail "this kernel has no configfs"
    mkdir -p "$GPIO/bank/line3" || fail "this kernel simulates no GPIO chips"
    echo 8 >"$GPIO/bank/num_lines"
    echo BUTTON >"$GPIO/bank/line3/name"
    echo 1 >"$GPIO/live"
    chip=/dev/$(cat $GPIO/bank/chip_name)
    lines=/sys/devices/platform/$(cat $GPIO/dev_name)/$(cat $GPIO/bank/chip_name)
}

# drive LINE up|down: what the chip's line is connected to. Two edges of a line that come too soon are one event for the kernel.
drive() { echo "pull-$2" >"$lines/sim_gpio$1/pull"; }

# start_gpio_example NAME LINE...: in the background, until it has the lines; what it prints is in /tmp/run/work.
start_gpio_example() {
    name=$1
    shift
    "$name" "$chip" "$@" >/tmp/run/work 2>/tmp/run/complaint &
    worker=$!
    within 10 ready_or_ended || fail "$name does not begin"
    ! ended $worker || fail "$name ended too early: $(cat /tmp/run/complaint)"
}
last_is() { [ "$(tail -n 1 /tmp/run/work)" = "$1" ]; }
ready_or_ended() { ended $worker || grep -q . /tmp/run/work; }

# remove_gpio_chip NAME: while the example is at work with it. It must end by itself and say why.
remove_gpio_chip() {
    echo 0 >"$GPIO/live"
    within 10 ended $worker || fail "$1 did not end after the removal"
    wait $worker
    status=$?
    [ $status = 1 ] || fail "$1 ended with status $status, not 1: $(cat /tmp/run/complaint)"
    complains /tmp/run/complaint removed
}

# register DEVICE OFFSET [VALUE]: read or write a register of an edu device that no driver holds.
register() {
    start=$(head -n 1 "$(device "$1")/resource" | cut -d' ' -f1)
    devmem $((start + $2)) 32 ${3:+"$3"}
}

# The /dev/uioN of a device bound to uio_pci_generic.
uio_of() { echo "/dev/$(ls "$(device "$1")/uio")"; }

# How often the kernel has counted the interrupts whose line in /proc/interrupts holds this text, on all processors.
kernel_count() {
    grep -F "$1" /proc/interrupts | awk '{ for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }'
}

# Counting by the kernel's tracing (init begins it), where a line of /proc/interrupts goes away with its last user and takes its count
# along. Counted from here on. (Appended: what opens the file anew ends the counting, and has the kernel patch its own code.)
irq_trace=/sys/kernel/tracing/events/irq/irq_handler_entry
count_interrupts() { echo 'hist:keys=irq,name:clear' >>$irq_trace/trigger; }
# How often a handler of this name (as in /proc/interrupts) has run since.
trace_count() { grep -F "$1" $irq_trace/hist | awk '{ sum += $NF } END { print sum + 0 }'; }

# The same for the interrupts that no handler of their line took for its own.
irq_exit_trace=/sys/kernel/tracing/events/irq/irq_handler_exit
count_declined() { echo 'hist:keys=irq:clear if ret == 0' >>$irq_exit_trace/trigger; }
# How often that was so on the line of this number.
declined_count() { awk -v irq="$1" '$2 == "irq:" && $3 == irq { sum += $NF } END { print sum + 0 }' $irq_exit_trace/hist; }

# within SECONDS COMMAND...: whether the command succeeds within that time.
within() {
    ticks=$(($1 * 20))
    shift
    while ! "$@"; do
        [ $ticks -gt 0 ] || return 1
        ticks=$((ticks - 1))
        usleep 50000
    done
}

# A process that nobody has waited for yet has ended too.
ended() { [ ! -d "/proc/$1" ] || grep -q "^State:.Z" "/proc/$1/status" 2>/dev/null; }

# A clock in hundredths of a second.
now() { cut -d' ' -f1 /proc/uptime | tr -d .; }

# run_edu NAME ARGUMENT...: run the example to its end; its account is kept under that name.
run_edu() {
    account=/tmp/run/$1
    shift
    echo "edu $*"
    edu "$@" >"$account" 2>&1
    status=$?
    cat "$account"
    [ $status = 0 ] || fail "edu $* ended with status $status: $(tail -n 1 "$account")"
    read_account "$account" "$*"
}

# read_account FILE WHAT: the figures of an account, each in a variable; fails unless every result is right.
read_account() {
    grep -q '^requests  *[0-9]*, all results right$' "$1" || fail "edu $2: $(grep ^requests "$1" || echo no account)"
    requests=$(awk '$1 == "requests" { print $2 + 0 }' "$1")
    line=$(grep ^interrupts "$1") || fail "edu $2: no interrupts in its account"
    delivered=$(figure "$line" delivered) || exit 1
    claimed=$(figure "$line" claimed) || exit 1
    spurious=$(figure "$line" spurious) || exit 1
    benign=$(figure "$line" benign) || exit 1
    coalesced=$(figure "$line" coalesced) || exit 1
    stale=$(figure "$line" stale 0) || exit 1 # only said where something was left from before an enable
    total=$((delivered + coalesced + stale))
    latency=$(sed -n 's/^latency *//p' "$1")
    # An interrupt is claimed or not, and a message that isn't is nothing unusual; a request ends by a claimed one.
    [ $((claimed + spurious + benign)) = "$delivered" ] || fail "edu $2: $line: what is neither claimed nor not?"
}

# figure LINE WORD [DEFAULT]: the number before that word.
figure() {
    value=$(echo "$1" | sed -n "s/.* \([0-9][0-9]*\) $2.*/\1/p")
    value=${value:-${3:-}}
    [ "$value" ] || fail "no figure '$2' in: $1"
    echo "$value"
}

# share_line ARGUMENT... -- ARGUMENT...: two examples at once, on the two devices that share a line. Ends the scenario.
share_line() {
    one=
    while [ "$1" != -- ]; do
        one="$one $1"
        shift
    done
    shift
    # shellcheck disable=SC2086
    edu $one --requests 20000 >/tmp/run/one 2>&1 &
    first=$!
    edu "$@" --requests 20000 >/tmp/run/two 2>&1 &
    second=$!
    # The test is void unless both are connected to one line at some time.
    within 10 grep -q -E '(uio|vfio).*, *(uio|vfio)' /proc/interrupts || fail "the two devices are not on one line"
    wait $first
    status_one=$?
    wait $second
    status_two=$?
    cat /tmp/run/one /tmp/run/two
    [ $status_one = 0 ] || fail "edu$one ended with status $status_one: $(tail -n 1 /tmp/run/one)"
    [ $status_two = 0 ] || fail "edu $* ended with status $status_two: $(tail -n 1 /tmp/run/two)"
    read_account /tmp/run/one "$one"
    said="$requests requests, $delivered delivered, $spurious spurious"
    read_account /tmp/run/two "$*"
    pass "$said; $requests requests, $delivered delivered, $spurious spurious"
}

# at_work PROCESS LINE: whether interrupts come in for the process, more than $enough, or it has ended.
enough=1000
at_work() { ended "$1" || [ "$(kernel_count "$2")" -gt $enough ]; }

# remove_at_work WAY DEVICE EXAMPLE ARGUMENT...: take the device away while the example is at work with it, by unbinding its driver
# ("unbind") or by removing the device itself ("remove"). The example must end by itself and say why.
remove_at_work() {
    case $1 in
        unbind) switch=$(device "$2")/driver/unbind value=$2 ;;
        remove) switch=$(device "$2")/remove value=1 ;;
    esac
    shift 2
    "$@" >/tmp/run/work 2>/tmp/run/complaint &
    worker=$!
    # Void unless interrupts are coming in at that moment.
    line=$(echo "$*" | sed 's/^[^-]*--\([uv][a-z]*\) .*/\1/') # it begins with uio or vfio
    within 20 at_work $worker "$line" || fail "only $(kernel_count "$line") interrupts within 20 s"
    ! ended $worker || fail "$* ended too early: $(cat /tmp/run/work /tmp/run/complaint)"
    start=$(now)
    # In the background, because VFIO makes it wait until the program has let go of the device.
    ( echo "$value" >"$switch" ) &
    remover=$!
    within 5 ended $worker || fail "$* did not end within 5 s of the removal"
    ended_in=$((($(now) - start) * 10))
    within 5 ended $remover || fail "$1 has ended, and the removal still hangs"
    removed_in=$((($(now) - start) * 10))
    wait $worker
    status=$?
    cat /tmp/run/work /tmp/run/complaint
    [ $status = 1 ] || fail "$* ended with status $status, not 1: $(cat /tmp/run/complaint)"
    complains /tmp/run/complaint removed
}

# run_nvme DEVICE VECTORS BLOCKS ARGUMENT...: run the example nvme to its end on so many vectors. Every command has been answered, every
# byte is right, and no message is lost or invented: what the interrupts took is what the kernel counted, vector by vector.
run_nvme() {
    on=$1 vectors=$2 blocks=$3
    shift 3
    count_interrupts
    echo "nvme --vfio $on --overwrite --blocks $blocks $*"
    nvme --vfio "$on" --overwrite --blocks "$blocks" "$@" >/tmp/run/nvme 2>&1
    status=$?
    cat /tmp/run/nvme
    [ $status = 0 ] || fail "nvme $* ended with status $status: $(tail -n 1 /tmp/run/nvme)"
    grep -q "($vectors of 3 vectors, " /tmp/run/nvme || fail "not on $vectors vectors: $(head -n 1 /tmp/run/nvme)"
    grep -q "^blocks  *$blocks of 4096 bytes, all contents right$" /tmp/run/nvme || fail "not all $blocks blocks are right"
    # Each pair writes one half of the blocks and reads the other.
    grep -q "^commands  *6 $blocks $blocks, all completed" /tmp/run/nvme || fail "$(grep ^commands /tmp/run/nvme || echo no commands)"
    counts=
    for vector in $(seq 0 $((vectors - 1))); do
        ours=$(awk -v name="$on[$vector]" '$1 == name { print $2 + $3 + $8 }' /tmp/run/nvme) # delivered, coalesced, stale
        kernel=$(trace_count "vfio-msix[$vector]($on)")
        [ "$ours" ] && [ "$ours" -gt 0 ] && [ "$ours" = "$kernel" ] || fail "vector $vector: '$ours' messages, but the kernel counted $kernel"
        counts="$counts${counts:+, }$ours"
    done
    nvme_said="${nvme_said:-}${nvme_said:+; }$*: $counts messages for 6, $blocks and $blocks commands"
}

# run_nvme_line BLOCKS: run the example nvme on the disk by its line. Every command has been answered, every byte is right, and there
# are fewer ISR runs than a fifth of the completions.
run_nvme_line() {
    nvme --vfio $DISK --overwrite --line --blocks "$1" --depth 63 >/tmp/run/nvme 2>&1
    status=$?
    cat /tmp/run/nvme
    [ $status = 0 ] || fail "nvme --line ended with status $status: $(tail -n 1 /tmp/run/nvme)"
    grep -q "(its line)" /tmp/run/nvme || fail "not by its line: $(head -n 1 /tmp/run/nvme)"
    grep -q "^blocks  *$1 of 4096 bytes, all contents right$" /tmp/run/nvme || fail "not all $1 blocks are right"
    grep -q "^commands  *6 $1 $1, all completed" /tmp/run/nvme || fail "$(grep ^commands /tmp/run/nvme || echo no commands)"
    runs=$(awk -v name="$DISK" '$1 == name { print $2 }' /tmp/run/nvme)
    [ "$runs" ] && [ $((runs * 5)) -lt $(($1 * 2)) ] || fail "'$runs' ISR runs for $(($1 * 2)) completions"
    nvme_said="$runs ISR runs for $(($1 * 2 + 6)) completions"
}

# run_card PROGRAM ARGUMENT...: run a program that drives the network card to its end. Every byte is right,
# and no message is lost or invented: what the interrupts took is what the kernel counted, vector by vector.
run_card() {
    count_interrupts
    echo "$*"
    "$@" >/tmp/run/card 2>&1
    status=$?
    cat /tmp/run/card
    [ $status = 0 ] || fail "$* ended with status $status: $(tail -n 1 /tmp/run/card)"
    frames=$(sed -n '1s/^[a-z]*  *\([0-9]*\) .*, all contents right.*/\1/p' /tmp/run/card)
    [ "$frames" ] || fail "not all is right: $(head -n 1 /tmp/run/card)"
    messages=
    for vector in 0 1 2; do
        ours=$(awk -v name="$CARD[$vector]" '$1 == name { print $2 + $3 + $8 }' /tmp/run/card) # delivered, coalesced, stale
        kernel=$(trace_count "vfio-msix[$vector]($CARD)")
        [ "$ours" ] && [ "$ours" -gt 0 ] && [ "$ours" = "$kernel" ] || fail "vector $vector: '$ours' messages, but the kernel counted $kernel"
        messages="$messages${messages:+, }$ours"
    done
    # Deliveries of the two rings, for each frame that was received or sent.
    runs=$(awk -v ring0="$CARD[0]" -v ring1="$CARD[1]" '$1 == ring0 || $1 == ring1 { sum += $2 } END { print sum }' /tmp/run/card)
    ratio=$(awk -v runs="$runs" -v frames="$frames" 'BEGIN { printf "%.4f", runs / (2 * frames) }')
    card_said="${card_said:-}${card_said:+; }$1${2:+ $2}: $frames frames each way, $messages messages, $ratio ISR runs a completion"
}

# A frame completes twice: it is sent, and it is received. Under load most completions interrupt nobody.
few_interrupts() { awk "BEGIN { exit !($ratio < 0.2) }" || fail "$ratio ISR runs a completion: $card_said"; }

# run_guest ARGUMENT...: run lab_guest to its end; its last line is its figures, and what it printed stays in /tmp/run/guest.
run_guest() {
    echo "lab_guest $*"
    lab_guest "$@" >/tmp/run/guest 2>&1
    status=$?
    cat /tmp/run/guest
    [ $status = 0 ] || fail "lab_guest $* ended with status $status: $(tail -n 1 /tmp/run/guest)"
    figures=$(tail -n 1 /tmp/run/guest)
}

# run_refused ARGUMENT...: the same with the program that can have calls of the system refused.
run_refused() {
    echo "lab_refused refused $*"
    lab_refused refused "$@" >/tmp/run/refused 2>&1
    status=$?
    cat /tmp/run/refused
    [ $status = 0 ] || fail "lab_refused $* ended with status $status: $(grep -m1 -A1 panicked /tmp/run/refused)"
    figures=$(tail -n 1 /tmp/run/refused)
}

# complains FILE WORD: whether the file is one sentence that holds the word.
complains() {
    [ "$(wc -l <"$1")" = 1 ] || fail "not one line on standard error: $(head -n 3 "$1")"
    grep -q -i -e "$2" "$1" || fail "'$(cat "$1")' does not say '$2'"
}
