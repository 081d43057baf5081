# The example encoder: 10 steps forward and 5 back, of four edges each on two lines, and the chip goes.
make_gpio_chip
start_gpio_example encoder 1 2
position=0

# turn BY LINE up|down: one edge, after which the position is another by that. The next one waits for it.
turn() {
    position=$((position + $1))
    drive "$2" "$3"
    within 10 last_is "position $position, 0 edges lost" || fail "not at position $position: $(tail -n 1 /tmp/run/work)"
}

# Both are high, since the example has them pulled up.
for step in $(seq 10); do
    turn 1 1 down
    turn 1 2 down
    turn 1 1 up
    turn 1 2 up
done
for step in $(seq 5); do
    turn -1 2 down
    turn -1 1 down
    turn -1 2 up
    turn -1 1 up
done
remove_gpio_chip encoder
pass "$(tail -n 1 /tmp/run/work); told of the removal"
