// SPDX-License-Identifier: GPL-2.0
/*
 * An I2C bus with one infrared thermometer (MLX90614) on it, for tests of the gate in a virtual machine.
 *
 * To the kernel it is an adapter like the Raspberry Pi's: plain transfers, SMBus by emulation, the same errors.
 * The sensor answers read-word with PEC and takes no write: the gate must never send one, and "writes" counts them.
 *
 *   /sys/kernel/gate_i2c/words    lines "CELL WORD" (hex); write one to set a cell: "07 3b6c"
 *   /sys/kernel/gate_i2c/fault    "KIND COUNT ARGUMENT"; COUNT transfers are hit, -1: all until "none"
 *       none     nothing is wrong
 *       nack     nobody acknowledges
 *       pec      the checksum is wrong
 *       flip     ARGUMENT (decimal) is the mask of bits of the word that arrive turned over
 *       timeout  the bus is held, and given up after the adapter's time-out
 *       hang     the transfer does not come back until "none" is written: not even SIGKILL ends it
 *   /sys/kernel/gate_i2c/counts   "transfers N faults N writes N"
 */
#include <linux/delay.h>
#include <linux/i2c.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait.h>

#define BUS 1
#define SENSOR 0x5a
#define CELLS 64

enum kind { NONE, NACK, PEC, FLIP, TIMEOUT, HANG };
static const char * const kinds[] = { "none", "nack", "pec", "flip", "timeout", "hang" };

static DEFINE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(changed);
static u16 words[CELLS];
static enum kind kind;
static int left;
static unsigned long argument, transfers, faults, writes;

static enum kind take_fault(unsigned long *with)
{
	enum kind taken = NONE;

	mutex_lock(&lock);
	transfers++;
	if (kind != NONE && left) {
		taken = kind;
		*with = argument;
		faults++;
		if (left > 0 && --left == 0 && kind != HANG)
			kind = NONE;
	}
	mutex_unlock(&lock);
	return taken;
}

static void answer(struct i2c_msg *message, u8 cell, enum kind fault, unsigned long with)
{
	u8 sent[5] = { SENSOR << 1, cell, SENSOR << 1 | 1 };
	u8 out[3];
	u16 word;
	int i;

	mutex_lock(&lock);
	word = words[cell % CELLS];
	mutex_unlock(&lock);
	sent[3] = word & 0xff;
	sent[4] = word >> 8;
	out[2] = i2c_smbus_pec(0, sent, sizeof(sent)) ^ (fault == PEC ? 0xff : 0);
	if (fault == FLIP)
		word ^= with;
	out[0] = word & 0xff;
	out[1] = word >> 8;
	for (i = 0; i < message->len; i++)
		message->buf[i] = i < 3 ? out[i] : 0xff;
}

static int transfer(struct i2c_adapter *adapter, struct i2c_msg *messages, int count)
{
	unsigned long with = 0;
	enum kind fault;
	u8 cell = 0;
	int i;

	if (messages[0].addr != SENSOR)
		return -EREMOTEIO; /* as i2c-bcm2835 says that nobody acknowledged */
	fault = take_fault(&with);
	if (fault == HANG)
		wait_event(changed, READ_ONCE(kind) != HANG);
	if (fault == TIMEOUT) {
		msleep(jiffies_to_msecs(adapter->timeout));
		return -ETIMEDOUT;
	}
	if (fault == NACK)
		return -EREMOTEIO;
	for (i = 0; i < count; i++) {
		if (messages[i].flags & I2C_M_RD) {
			answer(&messages[i], cell, fault, with);
		} else if (messages[i].len == 1) {
			cell = messages[i].buf[0];
		} else {
			writes++;
			return -EREMOTEIO;
		}
	}
	return count;
}

static u32 functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algorithm = { .xfer = transfer, .functionality = functionality };
static struct i2c_adapter bus = { .owner = THIS_MODULE, .algo = &algorithm, .name = "virtual gate", .nr = BUS };

static ssize_t words_show(struct kobject *object, struct kobj_attribute *attribute, char *out)
{
	int i, length = 0;

	for (i = 0; i < CELLS; i++)
		length += sysfs_emit_at(out, length, "%02x %04x\n", i, words[i]);
	return length;
}

static ssize_t words_store(struct kobject *object, struct kobj_attribute *attribute, const char *in, size_t length)
{
	unsigned int cell, word;

	if (sscanf(in, "%x %x", &cell, &word) != 2 || cell >= CELLS || word > 0xffff)
		return -EINVAL;
	mutex_lock(&lock);
	words[cell] = word;
	mutex_unlock(&lock);
	return length;
}

static ssize_t fault_show(struct kobject *object, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "%s %d %lu\n", kinds[kind], left, argument);
}

static ssize_t fault_store(struct kobject *object, struct kobj_attribute *attribute, const char *in, size_t length)
{
	unsigned long with = 0;
	char name[16];
	int count = 1, found;

	if (sscanf(in, "%15s %d %lu", name, &count, &with) < 1)
		return -EINVAL;
	found = match_string(kinds, ARRAY_SIZE(kinds), name);
	if (found < 0)
		return found;
	mutex_lock(&lock);
	kind = found;
	left = count;
	argument = with;
	mutex_unlock(&lock);
	wake_up_all(&changed);
	return length;
}

static ssize_t counts_show(struct kobject *object, struct kobj_attribute *attribute, char *out)
{
	return sysfs_emit(out, "transfers %lu faults %lu writes %lu\n", transfers, faults, writes);
}

static struct kobj_attribute words_attribute = __ATTR_RW(words);
static struct kobj_attribute fault_attribute = __ATTR_RW(fault);
static struct kobj_attribute counts_attribute = __ATTR_RO(counts);
static struct attribute *attributes[] = {
	&words_attribute.attr, &fault_attribute.attr, &counts_attribute.attr, NULL
};
static const struct attribute_group group = { .attrs = attributes };
static struct kobject *directory;

static int __init begin(void)
{
	int failed;

	words[0x06] = 0x39ad; /* itself: 22.15 degrees Celsius */
	words[0x07] = 0x3a2a; /* what it sees: 24.65 */
	words[0x24] = 0xffff; /* emissivity, as it leaves the factory */
	words[0x2e] = 0xbe5a; /* its address */
	directory = kobject_create_and_add("gate_i2c", kernel_kobj);
	if (!directory)
		return -ENOMEM;
	failed = sysfs_create_group(directory, &group);
	if (!failed) {
		bus.timeout = HZ;
		failed = i2c_add_numbered_adapter(&bus);
	}
	if (failed)
		kobject_put(directory);
	return failed;
}

static void __exit end(void)
{
	i2c_del_adapter(&bus);
	kobject_put(directory);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("I2C bus with one infrared thermometer, for tests of the gate");
MODULE_LICENSE("GPL");
